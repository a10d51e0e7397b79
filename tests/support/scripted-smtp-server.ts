/**
 * A small SMTP server on loopback whose behaviour is data: what it answers to each verb, at which visit, for
 * which recipient. It keeps every accepted message and counts connections and open transactions.
 *
 * It takes pipelined commands, STARTTLS and AUTH (any credentials), reads strictly (only CRLF ends a line,
 * only CRLF.CRLF ends a message) and reads dot-stuffing back with its own code, so that it can judge ours.
 */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type Answer, AnswerBook, EXTENSIONS, type Script } from "./scripted-smtp-answers.ts";
import type { Certificate } from "./self-signed-certificate.ts";

export type ScriptedServerOptions = {
  /** An address of loopback: 127.0.0.x. */
  host?: string;
  port?: number;
  script?: Script;
  /** By envelope recipient, before `script`: `rcpt`, `data`, `message` and `dot`, visits counted by recipient. */
  recipients?: Record<string, Script>;
  /** What EHLO offers; STARTTLS is added when there is a certificate. */
  extensions?: readonly string[];
  certificate?: Certificate;
  /** TLS from the first octet (smtps). */
  implicitTls?: boolean;
};

export type ReceivedMessage = {
  mailFrom: string;
  /** The MAIL command as it came, with its parameters. */
  mailCommand: string;
  rcptTo: string[];
  /** As received: CRLF, dots unstuffed. */
  raw: Buffer;
  tls: boolean;
  /** Number of the connection, from 1. */
  connection: number;
};

export type ScriptedSmtpServer = {
  readonly host: string;
  readonly port: number;
  /** Messages whose dot was answered 250. */
  readonly messages: ReceivedMessage[];
  /** Messages that came to their dot, whatever was answered. */
  readonly dots: ReceivedMessage[];
  /** Command lines of all connections, in order. */
  readonly commands: string[];
  /** Connections taken since the start. */
  readonly connections: number;
  readonly openConnections: number;
  /** Transactions between an accepted MAIL and the answer to their dot, now. */
  readonly openTransactions: number;
  /** New behaviour from here on; visits are counted anew. */
  rescript(script: Script, recipients?: Record<string, Script>): void;
  /** Leaves what clients write in their sockets, on the connections there are. */
  stopReading(): void;
  disconnectAll(): void;
  /** Cuts all connections and waits for the port to be free. */
  close(): Promise<void>;
};

export const startSmtpServer = async (options: ScriptedServerOptions = {}): Promise<ScriptedSmtpServer> => {
  const house = new House(options);
  const server = createServer({ noDelay: true }, (socket) => house.take(socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
  });
  const { address, port } = server.address() as AddressInfo; // Listening on TCP: never a pipe's path or null.
  return {
    host: address,
    port,
    messages: house.messages,
    dots: house.dots,
    commands: house.commands,
    get connections() {
      return house.connections;
    },
    get openConnections() {
      return house.sockets.size;
    },
    get openTransactions() {
      return house.openTransactions;
    },
    rescript: (script, recipients) => house.rescript(script, recipients),
    stopReading: () => house.sockets.forEach((socket) => socket.pause()),
    disconnectAll: () => house.sockets.forEach((socket) => socket.destroy()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of house.sockets) socket.destroy();
      }),
  };
};

/** What all connections of one server have in common. */
class House {
  readonly options: ScriptedServerOptions;
  readonly messages: ReceivedMessage[] = [];
  readonly dots: ReceivedMessage[] = [];
  readonly commands: string[] = [];
  readonly sockets = new Set<Socket>();
  connections = 0;
  openTransactions = 0;
  answers: AnswerBook;

  constructor(options: ScriptedServerOptions) {
    this.options = options;
    this.answers = this.#answersOf(options.script, options.recipients);
  }

  rescript(script: Script, recipients?: Record<string, Script>): void {
    this.answers = this.#answersOf(script, recipients);
  }

  #answersOf(script: Script = {}, recipients: Record<string, Script> = {}): AnswerBook {
    const { extensions = EXTENSIONS, certificate, implicitTls } = this.options;
    const offers = certificate && implicitTls !== true ? [...extensions, "STARTTLS"] : extensions;
    return new AnswerBook(script, recipients, offers);
  }

  take(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    new Visitor(this, socket, this.connections).begin();
  }
}

/** One connection. */
class Visitor {
  readonly #house: House;
  readonly #number: number;
  #socket: Socket;
  #input = Buffer.alloc(0);
  #mode: "command" | "message" | "auth" | "deaf" | "garbage" = "command";
  #messageTouched = false;
  #mailCommand: string | undefined;
  #rcptTo: string[] = [];

  constructor(house: House, socket: Socket, number: number) {
    this.#house = house;
    this.#socket = socket;
    this.#number = number;
  }

  begin(): void {
    if (this.#house.options.implicitTls === true) this.#secure();
    else this.#listen();
    this.#socket.on("close", () => this.#endTransaction());
    this.#say(this.#house.answers.next("greeting"));
  }

  #listen(): void {
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      while (this.#step());
    });
  }

  #secure(): void {
    const { certificate } = this.#house.options;
    if (!certificate) throw new Error("TLS without a certificate");
    this.#socket.removeAllListeners("data");
    this.#socket = new TLSSocket(this.#socket, { isServer: true, ...certificate });
    this.#listen();
  }

  /** Takes one command or message from the input; false when there is none. */
  #step(): boolean {
    if (this.#mode === "deaf") return false;
    if (this.#mode === "garbage") {
      // Behind the 220 it would be forgotten as injected: it waits for the handshake to begin.
      if (this.#input.length === 0) return false;
      this.#socket.write("these are no TLS records\r\n");
      this.#mode = "deaf";
      return false;
    }
    if (this.#mode === "message") return this.#takeMessage();
    const end = this.#input.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#input.subarray(0, end).toString();
    this.#input = this.#input.subarray(end + 2);
    this.#house.commands.push(line);
    if (this.#mode === "auth") this.#auth();
    else this.#command(line);
    return true;
  }

  #command(line: string): void {
    switch (line.replace(/[ :].*/, "").toUpperCase()) {
      case "EHLO":
        return void this.#say(this.#house.answers.next("ehlo"));
      case "HELO":
        return void this.#say(this.#house.answers.next("helo"));
      case "STARTTLS":
        return this.#startTls();
      case "AUTH":
        return this.#auth();
      case "MAIL":
        if (this.#mailCommand !== undefined) return void this.#say("503 5.5.1 nested MAIL");
        if (!this.#say(this.#house.answers.next("mail"))) return;
        this.#mailCommand = line;
        this.#house.openTransactions++;
        return;
      case "RCPT": {
        if (this.#mailCommand === undefined) return void this.#say("503 5.5.1 MAIL first");
        const recipient = pathOf(line);
        if (this.#say(this.#house.answers.next("rcpt", recipient))) this.#rcptTo.push(recipient);
        return;
      }
      case "DATA":
        // A script may well say 354 without a recipient: some servers do.
        if (this.#rcptTo.length === 0 && !this.#house.answers.isScripted("data"))
          return void this.#say("554 5.5.1 no recipients");
        if (this.#say(this.#house.answers.next("data", this.#rcptTo[0]))) this.#mode = "message";
        this.#messageTouched = false;
        return;
      case "RSET":
        this.#endTransaction();
        return void this.#say(this.#house.answers.next("rset"));
      case "NOOP":
        return void this.#say("250 2.0.0 ok");
      case "QUIT":
        this.#say("221 2.0.0 bye");
        return void this.#socket.end();
      default:
        return void this.#say("502 5.5.2 what?");
    }
  }

  #startTls(): void {
    const answer = this.#house.answers.next("starttls");
    if (answer === "bad-handshake") {
      this.#say("220 2.0.0 go ahead");
      this.#mode = "garbage";
    } else if (this.#say(answer)) {
      this.#endTransaction();
      this.#secure();
    }
  }

  #auth(): void {
    const answer = this.#house.answers.next("auth");
    this.#say(answer);
    if (this.#mode !== "deaf") this.#mode = answer.startsWith("334") ? "auth" : "command";
  }

  #takeMessage(): boolean {
    if (!this.#messageTouched && this.#input.length > 0) {
      this.#messageTouched = true;
      const answer = this.#house.answers.next("message", this.#rcptTo[0]);
      if (answer !== "") {
        this.#say(answer);
        if (this.#mode === "message") this.#mode = "deaf";
        return false;
      }
    }
    const empty = this.#input.subarray(0, 3).equals(END_AT_ONCE);
    const end = empty ? 0 : this.#input.indexOf(END_OF_MESSAGE);
    if (end < 0) return false;
    const stuffed = empty ? Buffer.alloc(0) : this.#input.subarray(0, end + 2);
    this.#input = this.#input.subarray(end + (empty ? 3 : 5));
    this.#mode = "command";
    const message = {
      mailFrom: pathOf(this.#mailCommand ?? ""),
      mailCommand: this.#mailCommand ?? "",
      rcptTo: this.#rcptTo,
      raw: Buffer.from(stuffed.toString("latin1").replaceAll(/^\./gm, ""), "latin1"),
      tls: this.#socket instanceof TLSSocket,
      connection: this.#number,
    };
    this.#house.dots.push(message);
    const accepted = this.#say(
      message.rcptTo.length === 0 ? "554 5.5.1 no recipients" : this.#house.answers.next("dot", message.rcptTo[0]),
    );
    if (accepted) this.#house.messages.push(message);
    this.#endTransaction();
    return true;
  }

  #endTransaction(): void {
    if (this.#mailCommand !== undefined) this.#house.openTransactions--;
    this.#mailCommand = undefined;
    this.#rcptTo = [];
  }

  /** Gives an answer; whether it was a reply that lets the client go on. */
  #say(answer: Answer): boolean {
    if (answer === "disconnect" || answer === "silence") {
      this.#mode = "deaf";
      if (answer === "disconnect") this.#socket.destroy();
      return false;
    }
    this.#socket.write(`${answer}\r\n`);
    if (answer.startsWith("421")) {
      this.#mode = "deaf";
      this.#socket.end();
    }
    return /^[23]/.test(answer);
  }
}

const END_OF_MESSAGE = "\r\n.\r\n";
const END_AT_ONCE = Buffer.from(".\r\n");

const pathOf = (command: string): string => /<(.*)>/.exec(command)?.[1] ?? "";
