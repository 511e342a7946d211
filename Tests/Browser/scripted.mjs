// A broker that is a script, and a clock that stands still: what the tests of one moment share.
import { afterEach, beforeEach, mock } from "node:test";
import { connect } from "../../Sources/BrokerServer/Dashboard/wsbroker.js";

/** A WebSocket whose other end is the test. */
export class ScriptedSocket {
  readyState = 0;
  sent = [];
  static all = [];
  static #waiting = [];

  constructor(url, protocol) {
    Object.assign(this, { url, protocol });
    ScriptedSocket.all.push(this);
    ScriptedSocket.#waiting.shift()?.(this);
  }

  /** The next connection that a client makes. */
  static next() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // The client's side
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }

  // The broker's side
  open() {
    this.readyState = 1;
    this.onopen();
  }
  say(...frames) {
    for (const frame of frames) this.onmessage({ data: JSON.stringify(frame) });
  }
  welcome(producer = {}) {
    if (this.readyState === 0) this.open();
    const { name } = this.sent.shift().producer ?? {};
    this.say({ op: "welcome", v: 1, messageBytesMax: 200, producer: { name, epoch: 77, next: 1, ...producer } });
  }
  drop(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
}

/** Lets everything that is already due happen. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export let client;
export let states; // of the client, as it told them

/** A client and its first connection, not welcomed yet. */
export async function start(options = {}) {
  const next = ScriptedSocket.next();
  states = [];
  const onstate = (state, detail) => states.push({ state, ...detail });
  client = connect("ws://broker.test/", { WebSocket: ScriptedSocket, onstate, ...options });
  return next;
}

/** A client and its first connection, welcomed. */
export async function open(options) {
  const socket = await start(options);
  socket.welcome(options?.producer === false ? undefined : {});
  return socket;
}

/** The connection that the client makes after the wait. */
export async function reconnected(afterMs = 60_000) {
  const next = ScriptedSocket.next();
  mock.timers.tick(afterMs);
  return next;
}

export const names = (frames) =>
  frames.map(({ op, seq, topic }) => [op, seq, topic].filter((part) => part !== undefined).join(" "));

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_795_460_000_000 }));
afterEach(() => {
  client?.close();
  mock.timers.reset();
});
