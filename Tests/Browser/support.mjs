// What the tests of wsbroker.js share: a broker that is a process, and a network that cuts.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import assert from "node:assert/strict";

/** The error that a promise is rejected with. */
export const refusal = (promise) => promise.then(() => assert.fail("it was not refused"), (error) => error);

/** A broker of its own: a store, a port, and a process that can be killed. */
export class BrokerProcess {
  #folder = mkdtempSync(path.join(tmpdir(), "wsbroker-browser-"));
  #process;

  /** `limits` are those of the configuration. */
  static async start(limits = {}) {
    const broker = new BrokerProcess();
    const [port, adminPort] = [await freePort(), await freePort()];
    broker.url = `ws://127.0.0.1:${port}/`;
    writeFileSync(path.join(broker.#folder, "config.json"), JSON.stringify({
      listen: { host: "127.0.0.1", port },
      admin: { host: "127.0.0.1", port: adminPort },
      store: { path: path.join(broker.#folder, "store.db") },
      limits,
      topics: [{ topic: "clicks", aggregate: "sum" }, { topic: "clicks/+", aggregate: "sum", number: "int" }],
    }));
    await broker.restart();
    return broker;
  }

  /** Starts it and returns when it listens. */
  async restart() {
    const binary = process.env.WSBROKER ?? ".build/debug/wsbroker";
    const config = path.join(this.#folder, "config.json");
    this.#process = spawn(binary, ["--config", config], { stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    this.#process.stderr.on("data", (text) => (log += text));
    const { port } = new URL(this.url);
    while (!(await isListening(port))) {
      if (this.#process.exitCode !== null) throw new Error(`the broker does not start: ${log}`);
    }
  }

  async kill(signal = "SIGKILL") {
    const exited = once(this.#process, "exit");
    this.#process.kill(signal);
    await exited;
  }

  async stop() {
    if (this.#process.exitCode === null && !this.#process.killed) await this.kill();
    rmSync(this.#folder, { recursive: true });
  }
}

/** A network that cuts each connection after some bytes, in one direction or the other. */
export class CuttingProxy {
  cuts = 0;
  isCutting = true;
  #server;
  #sockets = new Set();

  static async start(url, bytesMax) {
    const proxy = new CuttingProxy();
    const { port } = new URL(url);
    proxy.#server = net.createServer((client) => proxy.#join(client, net.connect(port, "127.0.0.1"), bytesMax));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.url = `ws://127.0.0.1:${proxy.#server.address().port}/`;
    return proxy;
  }

  #join(client, broker, bytesMax) {
    for (const [from, to] of [[client, broker], [broker, client]]) {
      let left = 600 + Math.random() * bytesMax; // the handshake comes through
      this.#sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => this.#sockets.delete(from) && to.destroy());
      from.on("data", (bytes) => {
        left -= bytes.length;
        if (left > 0 || !this.isCutting) return to.write(bytes);
        this.cuts++;
        to.write(bytes.subarray(0, bytes.length + left)); // some of it arrives
        setImmediate(() => [from, to].forEach((socket) => socket.destroy()));
      });
    }
  }

  stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

function isListening(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true) || socket.destroy());
    socket.on("error", () => setTimeout(resolve, 20, false));
  });
}
