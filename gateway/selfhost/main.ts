/**
 * `npm start`: the whole service on one machine, the gateway on plain workerd.
 */
import { runAsProcess } from "./as-process.ts";
import { prepareGateway } from "./gateway-process.ts";

await runAsProcess((settings) => settings, prepareGateway);
