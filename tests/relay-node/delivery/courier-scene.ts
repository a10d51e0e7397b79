/** The delivery loop at work between a fake gateway and scripted hosts, with a journal on disk. */
import { cpSync } from "node:fs";
import { Carrier } from "../../../relay-node/delivery/attempt.ts";
import { Courier, type CourierOptions } from "../../../relay-node/delivery/courier.ts";
import { GatewayStore } from "../../../relay-node/delivery/gateway-store.ts";
import { type Journal, openJournal } from "../../../relay-node/delivery/journal.ts";
import { MessageMaker } from "../../../relay-node/delivery/message-maker.ts";
import type { SessionOptions } from "../../../relay-node/delivery/session.ts";
import type { MailResolver } from "../../../relay-node/policy/targets.ts";
import { DEFAULT_TIMEOUTS } from "../../../relay-node/smtp/timeouts.ts";
import { type Behaviour, TOKEN } from "../../support/fake-gateway.ts";
import { atEnd, fakeGateway, joinGateway, SILENT, temporaryFolder, until } from "./relay-scene.ts";
import { type Host, ScriptedHosts } from "./scripted-hosts.ts";

/** Every domain has one MX, whose address is that of `*.test` in the hosts. */
const RESOLVER: MailResolver = {
  resolveMx: async (domain) =>
    domain === "nowhere.test"
      ? { kind: "no-domain" }
      : { kind: "mx", records: [{ preference: 10, exchange: `mx.${domain}` }] },
  resolveAddresses: async () => ({ kind: "addresses", addresses: ["192.0.2.1"] }),
};

const openedJournal = (folder: string): Journal => {
  const opened = openJournal(folder, 1);
  if (opened.kind === "locked") throw new Error("it is locked");
  return opened.journal;
};

/** What the next process would find in the journal if this one were killed now: `k kind`. */
export const afterKill = (folder: string): string[] => {
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true });
  const opened = openJournal(copy, 1);
  if (opened.kind === "locked") throw new Error("it is locked");
  opened.journal.close();
  return opened.unsettled.map(({ outcome }) => `${outcome.k} ${outcome.kind}`);
};

type Scene = {
  host?: Host;
  options?: Partial<CourierOptions>;
  session?: Partial<SessionOptions>;
  gateway?: Partial<Behaviour>;
};

export const courierScene = async (asked: Scene = {}) => {
  const gateway = await fakeGateway(asked.gateway);
  const hosts = new ScriptedHosts({ "192.0.2.1": asked.host ?? {}, "192.0.2.9": {} });
  const folder = temporaryFolder();
  const journal = openedJournal(folder);
  atEnd(() => journal.close());
  const broken: unknown[] = [];
  const courier = new Courier({
    ...{ relay: "north", routes: new Map(), resolver: RESOLVER, mxPort: 25, journal, log: SILENT },
    carrier: new Carrier(hosts.open, { heloName: "relay.test", timeouts: DEFAULT_TIMEOUTS }, Date.now),
    maker: new MessageMaker(new GatewayStore(gateway.url, TOKEN)),
    ...{ connectionsPerDestination: 4, connections: 100 },
    onBroken: (error) => broken.push(error),
    ...asked.options,
  });
  atEnd(() => courier.drain(0));
  const joined = joinGateway(gateway, courier, {
    window: 1000,
    onAcknowledged: (ids) => journal.acknowledged(ids),
    ...asked.session,
  });
  await until(() => joined.session.live);
  const kinds = (): string[] => gateway.outcomes.map(({ outcome: { k, kind } }) => `${k} ${kind}`).toSorted();
  return { ...joined, gateway, hosts, folder, journal, courier, broken, kinds };
};

/** A gate that holds transactions open until it is opened. */
export const gate = () => {
  const opened = Promise.withResolvers<void>();
  let waiting = 0;
  const pass = async (): Promise<Record<string, never>> => {
    waiting += 1;
    await opened.promise;
    waiting -= 1;
    return {};
  };
  return { pass, open: opened.resolve, waiting: () => waiting };
};

export const numbered = (count: number, domain = "dest.test"): string[] =>
  Array.from({ length: count }, (_, at) => `r${at}@${domain}`);
