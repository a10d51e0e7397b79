/**
 * Set-up of all tests: properties are tried with the same inputs each time, so that what was green stays green. Other
 * inputs: `FC_SEED=$RANDOM npm test`; what they find becomes a case of its own.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(globalThis.process?.env["FC_SEED"] ?? 7208) });
