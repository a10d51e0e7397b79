/**
 * The object of one webhook: the one place that knows its name.
 */

/** `webhook`: its key in the account. */
export const endpointStub = (env: Env, account: string, webhook: number) =>
  env.ENDPOINT.getByName(`${account}:${webhook}`);
