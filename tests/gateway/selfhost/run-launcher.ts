/**
 * The launcher on stand-ins as a process of its own, for the tests that kill it: DATA PORT GATEWAY_ENTRY RELAY_MAIN.
 */
import pino from "pino";
import { prepareGateway } from "../../../gateway/selfhost/gateway-process.ts";
import { launch, type Running } from "../../../gateway/selfhost/launcher.ts";
import { readSettings } from "../../../gateway/selfhost/settings.ts";
import { onStopSignals } from "../../../gateway/selfhost/stop-signals.ts";

const [dataDir = "", port = "0", gatewayEntry = "", relayMain = ""] = process.argv.slice(2);
const read = readSettings(["--data", dataDir, "--port", port], process.env, process.cwd());
if (read.kind !== "settings") throw new Error(JSON.stringify(read));
const running: Running = { gateway: undefined, relays: [] };
const end = await launch(
  {
    settings: read.settings,
    env: process.env,
    log: pino(pino.destination({ dest: 2, sync: true })),
    say: (line) => console.log(line),
    stop: onStopSignals(() => process.exit(1)),
    prepare: (settings, at, variables) => prepareGateway(settings, at, variables, gatewayEntry),
    relayMain,
  },
  running,
);
console.log(JSON.stringify(end));
process.exit(0);
