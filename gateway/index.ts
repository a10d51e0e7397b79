/**
 * The Worker: the HTTP app and the classes of the objects behind it.
 */
import { createApp } from "./http/app.ts";

export { Account } from "./objects/account.ts";
export { Directory } from "./objects/directory.ts";
export { Pool } from "./objects/pool.ts";

export default createApp();
