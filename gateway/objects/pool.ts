/**
 * One group of sending IPs: the relay nodes joined to it, and whose mail they carry next.
 *
 * The pool holds no mail. It takes accounts in turn (`core/fair-queue.ts`), lets each lease a batch to the
 * relay with the most credit and passes the batch on unparsed; outcomes go the other way. All of it may be
 * evicted at any time: sockets survive (hibernation), credit is asked for again, what waits is in a table.
 */
import { logEvent } from "./log.ts";
import { DurableObject } from "cloudflare:workers";
import { BATCH_LIMIT, CLOSE, joinFrame, splitFrame, type FromRelay } from "#contract/relay-protocol.ts";
import { FairQueue } from "../core/fair-queue.ts";
import { parseFrame, type ParsedFrame } from "../core/relay-frame.ts";
import type { Recall } from "./account-recall.ts";
import { Link, linkIdentity, RECALL_WAIT_MS } from "./pool-link.ts";
import { PoolRoll } from "./pool-roll.ts";

/** What an account may lease in one turn before others have theirs. */
const QUANTUM_BYTES = 256 * 1024;

/** With this many deliveries in a relay's hands, mail gathers for a moment before the next lease. */
const BUSY_DELIVERIES = 50;
const GATHER_MS = 15;

/** A hello asks so many accounts at a time. */
const RECONCILED_AT_ONCE = 20;

export type RelayState = { relay: string; version: string };

export class Pool extends DurableObject<Env> {
  readonly #roll: PoolRoll;
  readonly #links = new Map<WebSocket, Link>();
  readonly #ready = new FairQueue(QUANTUM_BYTES);
  /** Accounts that announced again while their lease was being asked for. */
  readonly #again = new Set<string>();
  /** Settles when the newest frame of a socket is handled. */
  readonly #frames = new WeakMap<WebSocket, Promise<void>>();
  /** The batch that is being leased; `isRecalled`: its account has taken back since what may be in it. */
  #passing: { account: string; isRecalled: boolean } | undefined;
  #pumping = false;
  /** Relays that were joined before may not know yet that they are not any more. */
  readonly #wokeAtMs = Date.now();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#roll = new PoolRoll(ctx.storage);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    for (const account of this.#roll.waiting()) this.#ready.add(account);
    // Credit was in memory only: without asking, mail would wait for ever beside an idle socket.
    for (const socket of ctx.getWebSockets()) {
      const identity = linkIdentity(socket);
      if (!identity?.epoch) continue;
      this.#links.set(socket, new Link(socket, identity));
      socket.send(joinFrame({ type: "credit?" }));
    }
  }

  /** The Worker has checked the token; the identity comes in its headers. */
  override async fetch(request: Request): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    const relay = request.headers.get("hikyaku-relay") ?? "";
    const identity = {
      relay,
      name: request.headers.get("hikyaku-relay-name") ?? "",
      pool: request.headers.get("hikyaku-pool") ?? "",
    };
    this.ctx.acceptWebSocket(server, [relay]);
    server.serializeAttachment(identity);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** An account has mail for this pool. */
  async ready(account: string): Promise<void> {
    this.#ready.add(account);
    this.#again.add(account);
    if (!this.#freest()) this.#roll.wait(account);
    this.ctx.waitUntil(this.#pump());
  }

  async relays(): Promise<RelayState[]> {
    return [...this.#links.values()].map(({ identity }) => ({
      relay: identity.relay,
      version: identity.version ?? "",
    }));
  }

  /** When each relay was last heard of, ms since the epoch. */
  async signsOfLife(): Promise<Record<string, number>> {
    const signs = this.#roll.lastSeen();
    for (const [socket, { identity }] of this.#links) {
      const pingedAt = this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? identity.joinedAtMs ?? 0;
      signs[identity.relay] = Math.max(signs[identity.relay] ?? 0, pingedAt);
    }
    return signs;
  }

  /** What relays hold of an account and must not begin any more. Settles when none of it can be begun. */
  async recall(account: string, recalls: Recall[]): Promise<void> {
    // A relay lets go of what it has: what is leased and not sent yet never is. Waiting for it could take for ever.
    if (this.#passing?.account === account) this.#passing.isRecalled = true;
    await Promise.all(recalls.map(({ relay, ks }) => this.#recallFrom(relay, account, ks)));
  }

  async #recallFrom(relay: string, account: string, ks: readonly number[]): Promise<void> {
    const link = [...this.#links.values()].find(({ identity }) => identity.relay === relay);
    if (link && this.#isOpen(link)) {
      const askedAtMs = Date.now();
      if (link.identity.recalls !== true || (await link.recall(account, ks))) return;
      // What it heard last was said before: whoever asks next need not wait again.
      return this.#close(link.socket, CLOSE.malformed, "a recall was not answered", askedAtMs);
    }
    if (link) this.#forget(link.socket);
    // Should it come back, its hello is answered with what it must let go of.
    const goneMs = Math.max(this.#roll.lastSeen()[relay] ?? 0, this.#wokeAtMs);
    await scheduler.wait(Math.max(0, goneMs + RECALL_WAIT_MS - Date.now()));
  }

  /** Cuts a relay off, its token was revoked. */
  async dismiss(relay: string): Promise<void> {
    for (const socket of this.ctx.getWebSockets(relay))
      this.#close(socket, CLOSE.unauthorised, "the token was revoked");
  }

  /** A relay's frames are handled one after the other: their acks come in order, and no credit overtakes a newer. */
  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const { header, lines } = typeof message === "string" ? splitFrame(message) : { header: "", lines: [] };
    const parsed = parseFrame(header, lines.length);
    // Behind a hello that takes long it would come too late.
    if (parsed.kind === "frame" && parsed.frame.type === "recalled")
      return this.#links.get(socket)?.recalled(parsed.frame.seq);
    const handled = (this.#frames.get(socket) ?? Promise.resolve()).then(() => this.#receive(socket, parsed, lines));
    this.#frames.set(socket, handled);
    await handled;
    await this.#pump();
  }

  async #receive(socket: WebSocket, parsed: ParsedFrame, lines: string[]): Promise<void> {
    if (parsed.kind === "malformed") return this.#reject(socket, parsed.reason);
    try {
      await this.#handle(socket, parsed.frame, lines);
    } catch (error) {
      // The relay keeps what was not acknowledged and says it again when it has joined anew.
      this.#reject(socket, `the frame could not be handled: ${String(error)}`);
    }
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#forget(socket);
    // Without an answer the connection lingers, and workerd waits for it when it stops.
    socket.close(1000);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#forget(socket);
  }

  async #handle(socket: WebSocket, frame: FromRelay, lines: string[]): Promise<void> {
    if (frame.type === "hello") return this.#join(socket, frame, lines);
    const link = this.#links.get(socket);
    if (!link) return this.#reject(socket, "say hello first");
    switch (frame.type) {
      case "credit":
        return link.setCredit(frame.free, frame.seen);
      case "settled":
        await this.#settle(link.identity.relay, frame.parts, lines);
        link.setCredit(frame.free, frame.seen);
        return socket.send(joinFrame({ type: "ack", seq: frame.seq }));
      case "recalled":
        // Heard before its turn.
        return;
      case "trapped":
        return this.env.ACCOUNT.getByName(frame.account).keepSandbox(lines[0] ?? "");
      case "bye":
        return frame.done ? this.#dismissDone(socket, link) : link.drain();
    }
  }

  async #join(socket: WebSocket, hello: Extract<FromRelay, { type: "hello" }>, lines: string[]): Promise<void> {
    const identity = linkIdentity(socket);
    if (!identity) return this.#reject(socket, "the socket has no identity");
    for (const other of this.ctx.getWebSockets(identity.relay))
      if (other !== socket) this.#supersede(other, hello.epoch);
    const { epoch, version, recalls } = hello;
    const joined = { ...identity, epoch, version, joinedAtMs: Date.now(), ...(recalls !== undefined && { recalls }) };
    // It has no credit yet, and what is recalled meanwhile it hears before the welcome, so before it begins anything.
    const link = new Link(socket, joined);
    this.#links.set(socket, link);
    await this.#settle(identity.relay, hello.parts, lines);
    // What a lease says that the relay holds and the relay does not was lost on the way: back to the queue.
    const holding = new Map(hello.holding.map(({ account, ks }) => [account, ks]));
    const accounts = new Set([...this.#roll.accountsOf(identity.relay), ...holding.keys()]).values();
    const reconcile = async (): Promise<void> => {
      // What this hello says is old when the relay has said a newer.
      for (const account of accounts)
        if (this.#isOpen(link)) await this.#reconcile(link, account, holding.get(account) ?? []);
    };
    await Promise.all(Array.from({ length: RECONCILED_AT_ONCE }, reconcile));
    if (!this.#isOpen(link)) return;
    this.#roll.keepOnly(identity.relay, [...holding.keys()]);

    socket.serializeAttachment(joined);
    link.setCredit(hello.free, hello.seen);
    this.#roll.seen(identity.relay, Date.now());
    socket.send(joinFrame({ type: "welcome", relay: identity.relay, name: identity.name, pool: identity.pool }));
  }

  async #reconcile({ identity: { pool, relay } }: Link, account: string, holding: number[]): Promise<void> {
    const { unwanted } = await this.env.ACCOUNT.getByName(account).reconcile(pool, relay, holding);
    if (unwanted.length > 0) this.ctx.waitUntil(this.#recallFrom(relay, account, unwanted));
  }

  /** A relay has finished for good: nothing of its leases is left with it. */
  async #dismissDone(socket: WebSocket, link: Link): Promise<void> {
    this.#forget(socket);
    const { relay } = link.identity;
    for (const account of this.#roll.accountsOf(relay)) await this.#reconcile(link, account, []);
    this.#roll.keepOnly(relay, []);
  }

  async #settle(relay: string, parts: readonly { account: string }[], lines: readonly string[]): Promise<void> {
    await Promise.all(
      parts.map(({ account }, index) => this.env.ACCOUNT.getByName(account).settle(relay, lines[index] ?? "[]")),
    );
  }

  /** Gives batches while there is both mail and credit. One at a time: the next takes all that came meanwhile. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let link = this.#freest(); link !== undefined; link = this.#freest()) {
        const account = this.#ready.next();
        if (account === undefined) break;
        await this.#leaseTo(link, account);
        // A relay with work in hand is not kept waiting by this, and the next batch is a fuller one.
        if (link.inHand >= BUSY_DELIVERIES && link.lastBatch < BATCH_LIMIT) await scheduler.wait(GATHER_MS);
      }
    } finally {
      this.#pumping = false;
    }
    if (this.#ready.size > 0) for (const account of this.#ready.accounts()) this.#roll.wait(account);
  }

  async #leaseTo(link: Link, account: string): Promise<void> {
    this.#again.delete(account);
    this.#roll.holds(link.identity.relay, account);
    const more = await this.#passBatch(link, account).catch((error: unknown) => {
      // An account that cannot lease must not keep the others from it; its alarm announces it again.
      logEvent("error", "pool.lease-failed", { account, error: String(error) });
      return false;
    });
    this.#passing = undefined;
    if (more || this.#again.has(account)) return;
    this.#ready.remove(account);
    this.#roll.served(account);
  }

  /** Leases a batch and sends it on; whether the account has more. */
  async #passBatch(link: Link, account: string): Promise<boolean> {
    const { relay, pool } = link.identity;
    const object = this.env.ACCOUNT.getByName(account);
    const ticket = crypto.randomUUID();
    /** By its ticket, or told lost when the relay joins anew. */
    const giveBack = async (): Promise<void> => {
      const returned = await object.unleaseTicket(ticket).catch(() => false);
      if (!returned) this.#close(link.socket, CLOSE.malformed, "a lease was lost on the way");
    };
    const passing = { account, isRecalled: false };
    this.#passing = passing;
    const limit = Math.min(BATCH_LIMIT, link.free);
    const lease = await object.lease(pool, relay, limit, ticket).catch(async (error: unknown) => {
      // Whether a lease was written nobody knows.
      await giveBack();
      throw error;
    });
    if (lease.count === 0) return lease.more;
    this.#ready.took(account, lease.batch.length);
    // A socket that closed meanwhile is not in the book any more; one that closes now says hello again.
    if (this.#isOpen(link) && !passing.isRecalled) link.sendBatch(account, lease.count, lease.batch);
    else await giveBack();
    return lease.more;
  }

  #isOpen(link: Link): boolean {
    return link.socket.readyState === WebSocket.OPEN && this.#links.get(link.socket) === link;
  }

  #freest(): Link | undefined {
    let freest: Link | undefined;
    for (const link of this.#links.values()) if (link.free > (freest?.free ?? 0)) freest = link;
    return freest;
  }

  #supersede(other: WebSocket, epoch: string): void {
    const link = this.#links.get(other);
    const sameProcess = link?.identity.epoch === epoch;
    if (sameProcess) link?.recalledAll();
    this.#close(other, sameProcess ? 1000 : CLOSE.superseded, "another connection with this token joined");
  }

  #reject(socket: WebSocket, reason: string): void {
    logEvent("warn", "relay.rejected", { relay: linkIdentity(socket)?.relay, reason });
    this.#close(socket, CLOSE.malformed, reason.slice(0, 100));
  }

  #close(socket: WebSocket, code: number, reason: string, seenMs = Date.now()): void {
    this.#forget(socket, seenMs);
    socket.close(code, reason);
  }

  /** `seenMs`: when its relay was heard of last. */
  #forget(socket: WebSocket, seenMs = Date.now()): void {
    const link = this.#links.get(socket);
    if (!link) return;
    this.#links.delete(socket);
    this.#roll.seen(link.identity.relay, seenMs);
  }
}
