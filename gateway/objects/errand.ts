/**
 * Work that an account does beside its mail: begun by its alarm when it is due, and never awaited by it.
 */
export type Errand = {
  /** When it wants to run next, ms; Infinity: there is nothing to do. Cheap: asked with every lease and outcome. */
  nextMs(nowMs: number): number;
  /** Does what is due, unless it is at it already. Never rejects: what fails is logged and tried again later. */
  run(nowMs: number): Promise<void>;
};
