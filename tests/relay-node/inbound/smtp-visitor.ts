/** A client that says to an SMTP server exactly the octets it is told to, and reads replies line by line. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { PATIENCE_MS } from "../../support/patience.ts";

export class SmtpVisitor {
  #socket: Socket;
  #lines: string[] = [];
  #rest = "";
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async to(port: number, localAddress = "127.0.0.1"): Promise<SmtpVisitor> {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new SmtpVisitor(socket);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  say(octets: string): void {
    this.#socket.write(octets, "latin1");
  }

  /** The next reply, its last line; empty when the server has hung up. */
  async reply(timeoutMs = PATIENCE_MS): Promise<string> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined && !/^\d{3}-/.test(line)) return line;
      if (line !== undefined) continue;
      if (this.#isClosed) return "";
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw new Error(`no reply within ${timeoutMs} ms`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, leftMs);
      await promise;
      clearTimeout(timer);
    }
  }

  /** Says a line and gives the reply. */
  ask(line: string): Promise<string> {
    this.say(`${line}\r\n`);
    return this.reply();
  }

  /** From the greeting to the 354 of DATA. */
  async toData(recipient: string, mailFrom = ""): Promise<string> {
    await this.reply();
    for (const line of ["EHLO client.test", `MAIL FROM:<${mailFrom}>`, `RCPT TO:<${recipient}>`]) await this.ask(line);
    return this.ask("DATA");
  }

  async secure(): Promise<void> {
    this.#socket.removeAllListeners("data");
    this.#socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#listen();
    await new Promise<void>((resolve) => this.#socket.once("secureConnect", () => resolve()));
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
    this.#socket.on("data", (chunk: Buffer) => {
      const lines = (this.#rest + chunk.toString()).split("\r\n");
      this.#rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#wake();
    });
  }
}
