// The browser client, told in wsbroker.d.ts.
//
//   const broker = connect();
//   const { data } = await broker.publish("clicks", 1); // counted once; this is the total
//
// SPDX-License-Identifier: Apache-2.0

const UNACKNOWLEDGED_MAX = 1000; // the broker knows the verdict of the last 1,024
const GOOD_AFTER_MS = 5000; // a connection that lasted so long ends a series of failures
const SILENCE_MS = 10_000; // after this the broker is asked whether it lives, after twice this it is given up

export class BrokerError extends Error {
  constructor({ code = 0, name, reason = name, retry = "no", why, afterMs }) {
    super(reason);
    Object.assign(this, { name, code, reason, retry, why, afterMs });
  }
}

export function connect(url, options) {
  return new Client(url, options);
}

/** Whether a filter matches a topic: `+` is one level, a final `#` the rest, also none. */
export function matches(filter, topic) {
  const want = filter.split("/");
  const have = topic.split("/");
  if (have[0][0] === "$" && want[0] !== have[0]) return false;
  for (const [i, level] of want.entries()) {
    if (level === "#") return true;
    if (i >= have.length || (level !== "+" && level !== have[i])) return false;
  }
  return want.length === have.length;
}

class Client {
  #url;
  #options;
  #socket;
  #timer; // until the next attempt
  #pulse; // asks after a silent broker
  #heard = false;
  #asked = false;
  #openedAt;
  #attempt = 0;
  #lastError; // what the broker said before it closed
  #ready = false; // whether requests may be sent
  #bytesMax; // known once it was let in

  #ids = 0;
  #requests = new Map(); // id -> {frame, sent, again, resolve, reject} or {subscription}
  #subscriptions = new Map(); // filter -> Subscription

  // A publish gets its number when it is sent, and is kept until an acknowledgement covers it.
  #producer;
  #acked = 0; // every number up to it has its verdict
  #last = 0; // the highest number given out
  #unacked = new Map(); // number -> publish, in order
  #unsent = [];
  #held; // the number that the broker waits for; it drops what comes before that
  #holdTimer;

  state;
  onstate;

  constructor(url, options = {}) {
    this.#options = { producer: true, backoff: {}, unsentMax: 10_000, WebSocket: globalThis.WebSocket, ...options };
    // Without an address: the broker that this module came from.
    this.#url = new URL(url ?? "ws", import.meta.url);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    if (!/^wss?:$/.test(this.#url.protocol)) throw new TypeError(`no address of a broker: ${this.#url}`);
    this.onstate = this.#options.onstate;
    if (this.#options.producer) this.#drawName();
    globalThis.addEventListener?.("online", this.#retryNow);
    this.#connect();
  }

  publish(topic, data, { retain = false, raw = false, signal } = {}) {
    return new Promise((resolve, reject) => {
      if (!this.#producer) throw new BrokerError({ code: 4006, name: "no_producer" });
      if (this.state === "closed") throw closed();
      if (this.#unsent.length >= this.#options.unsentMax) {
        throw new BrokerError({ code: 4205, name: "limit_reached", reason: "unsentMax", retry: "later" });
      }
      signal?.throwIfAborted();
      if (raw) JSON.parse(data); // or it would not be its own frame that the broker refuses
      const text = raw || typeof data === "bigint" ? String(data) : JSON.stringify(data);
      if (text === undefined) throw new TypeError("data has to be a JSON value");
      const rest = `"topic":${JSON.stringify(checked(topic))},"data":${text}${retain ? ',"retain":true' : ""}}`;
      const onabort = () => {
        this.#unsent = this.#unsent.filter((other) => other !== publish);
        reject(signal.reason); // what was sent may count all the same
      };
      const publish = { rest };
      publish.end = (error, ack) => {
        signal?.removeEventListener("abort", onabort);
        if (error) reject(error);
        else resolve(ack);
      };
      signal?.addEventListener("abort", onabort);
      this.#unsent.push(publish);
      this.#flush();
    });
  }

  subscribe(filter, options = {}, callback) {
    if (this.#subscriptions.has(filter)) {
      throw new BrokerError({ name: "already_subscribed", reason: `there is a subscription to '${filter}'` });
    }
    const subscription = new Subscription(checked(filter), options, callback, () => {
      this.#subscriptions.delete(filter);
      if (this.#ready) this.#send({ op: "unsub", topic: filter });
    });
    if (this.state === "closed") subscription.end(closed());
    else this.#subscriptions.set(filter, subscription);
    this.#sendSubscription(subscription);
    return subscription;
  }

  get(topic) {
    return this.#request({ op: "get", topic }, true);
  }

  /** Not sent again if its answer is lost: others may have counted since. */
  reset(topic) {
    return this.#request({ op: "reset", topic }, false);
  }

  close() {
    if (this.state !== "closed") this.#end(closed());
  }

  // Connections

  async #connect() {
    this.#set("connecting");
    const { token } = this.#options;
    let said, socket;
    try {
      said = typeof token === "function" ? await token() : token;
      if (this.state === "closed") return;
      socket = this.#socket = new this.#options.WebSocket(this.#url.href, "wsbroker.v1.json");
    } catch (error) {
      return this.#lost(error);
    }
    socket.onopen = () => {
      const hello = { op: "hello", v: 1, client: this.#options.client ?? "wsbroker.js/1", token: said };
      if (this.#producer) hello.producer = { ...this.#producer, acked: this.#acked || undefined };
      this.#send(hello);
    };
    socket.onmessage = ({ data }) => {
      this.#heard = true;
      if (socket === this.#socket) this.#receive(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.#socket) return;
      const name = reason || "connection_lost";
      const broker = this.#lastError?.code === code ? this.#lastError : undefined;
      this.#lost(broker ?? new BrokerError({ code, name, retry: "reconnect" }));
    };
    // Some tell of a failed attempt only by this.
    socket.onerror = () => this.#ready || socket.onclose({});
    this.#heard = true;
    this.#asked = false;
    this.#pulse = setInterval(() => {
      if (!this.#heard && (this.#asked || !this.#ready)) {
        return this.#lost(new BrokerError({ name: "silent", reason: "nothing came from the broker" }));
      }
      this.#asked = !this.#heard;
      if (this.#asked) this.#send({ op: "ping" });
      this.#heard = false;
    }, SILENCE_MS);
  }

  #retryNow = () => {
    if (this.state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#connect();
  };

  /** The connection is gone; comes back unless the broker does not want that. */
  #lost(error) {
    this.#disconnect();
    const code = error?.code;
    // A late connection of its own took its place (4105), as its name was drawn; another token may count.
    const passing = this.#bytesMax && typeof this.#options.token === "function" ? /^410[125]$/ : /^4105$/;
    if (/^(41..|4005)$/.test(code) && !passing.test(code)) return this.#end(error);
    // What was never welcomed may still arrive, and would fence off a later connection of the same name.
    if (this.#producer && !this.#producer.epoch) this.#drawName();
    for (const [id, request] of this.#requests) {
      if (request.subscription) this.#requests.delete(id);
      else if (request.sent && !request.again) this.#answered(id).reject(error);
      else request.sent = false;
    }
    for (const subscription of this.#subscriptions.values()) subscription.isAwaited = false;
    if (Date.now() - this.#openedAt > GOOD_AFTER_MS) this.#attempt = 0;
    this.#openedAt = undefined;
    const { baseMs = 100, maxMs = 30_000 } = this.#options.backoff;
    const limit = Math.min(maxMs, baseMs * 2 ** Math.min(this.#attempt++, 20));
    const afterMs = clamp(this.#lastError?.afterMs ?? 0) + Math.random() * limit;
    this.#lastError = undefined;
    this.#timer = setTimeout(() => this.#connect(), afterMs);
    this.#set("waiting", { error, afterMs });
  }

  #disconnect() {
    const socket = this.#socket;
    this.#socket = this.#held = undefined;
    this.#ready = false;
    clearInterval(this.#pulse);
    clearTimeout(this.#timer);
    clearTimeout(this.#holdTimer);
    socket?.close();
  }

  #end(error) {
    this.#disconnect();
    globalThis.removeEventListener?.("online", this.#retryNow);
    this.#set("closed", { error });
    this.#forget(error, true);
    for (const id of this.#requests.keys()) this.#answered(id).reject?.(error);
    for (const subscription of this.#subscriptions.values()) subscription.end(error);
  }

  #set(state, detail = {}) {
    this.state = state;
    this.onstate?.(state, detail);
  }

  #send(frame) {
    // A socket that is closing loses it; its close event tells what to do.
    if (this.#socket?.readyState === 1) this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  #receive(frame) {
    const { op, id, seq } = frame;
    if (op === "msg") return this.#deliver(frame);
    if (op === "welcome") return this.#ready || this.#welcomed(frame);
    if (op === "notice") return this.#renew();
    if (op === "unsub") return this.#ended(this.#subscriptions.get(frame.topic), new BrokerError(frame));
    if (op === "bye") {
      // It answers what it has, and takes nothing new.
      this.#ready = false;
      this.#lastError = new BrokerError({ ...frame, retry: "reconnect", code: 1012 });
    } else if (op === "ack") {
      if (seq !== undefined) this.#acknowledged(frame);
      else if (id !== undefined) this.#answer(id, undefined, frame);
    } else if (op === "err") {
      const error = new BrokerError(frame);
      if (seq !== undefined) this.#refused(seq, error);
      else if (id !== undefined) this.#answer(id, error);
      else if (!this.#ready) this.#unwelcome(error);
      else {
        this.#lastError = error;
        if (error.code < 4100) this.#unreadable(error);
      }
    }
  }

  /** The token ends soon: a function is asked for a fresh one. */
  async #renew() {
    try {
      this.#send({ op: "hello", token: await this.#options.token() });
    } catch {} // then it is closed, with a reason
  }

  #welcomed(frame) {
    const { epoch, next, regressed } = frame.producer ?? {};
    if (this.#producer) {
      if (next > this.#last + 1) return this.#unwelcome(new BrokerError({ code: 4401, name: "producer_unknown" }));
      this.#producer.epoch = epoch;
    }
    this.#bytesMax = frame.messageBytesMax;
    this.#ready = true;
    this.#openedAt = Date.now();
    for (const subscription of this.#subscriptions.values()) this.#sendSubscription(subscription);
    this.#sendRequests();
    this.#sendAgain(0);
    this.#set("open", { welcome: frame, regressed });
  }

  /** The broker refused `hello`. */
  #unwelcome(error) {
    if (error.code === 4401) {
      // It has forgotten this producer: nobody knows whether what was sent counts.
      this.#forget(error);
      this.#drawName();
    }
    this.#lastError = error;
    this.#lost(error);
  }

  // Publishing

  #drawName() {
    const random = crypto.getRandomValues(new Uint32Array(3));
    this.#producer = { name: "web-" + Array.from(random, (part) => part.toString(36)).join("") };
    this.#last = this.#acked = 0;
  }

  #flush() {
    while (this.#ready && this.#held === undefined && this.#unacked.size < UNACKNOWLEDGED_MAX && this.#unsent.length) {
      const publish = this.#unsent.shift();
      // Too large a message would cost every connection that it is sent on.
      const bytes = new TextEncoder().encode(publish.rest).length + 40;
      if (bytes > this.#bytesMax) {
        publish.end(new BrokerError({ code: 1009, name: "too_large", reason: `at most ${this.#bytesMax} bytes` }));
        continue;
      }
      this.#unacked.set(++this.#last, publish);
      this.#sendPublish(this.#last, publish);
    }
  }

  #sendPublish(seq, publish) {
    publish.error = undefined; // what was refused before is judged anew
    this.#send(`{"op":"pub","seq":${seq},${publish.rest}`);
  }

  #sendAgain(from) {
    for (const [seq, publish] of this.#unacked) if (seq >= from) this.#sendPublish(seq, publish);
    this.#flush();
  }

  /** Everything up to this number has its verdict; the frame speaks of this number's own publish. */
  #acknowledged({ op, seq: through, dups, ...own }) {
    for (const [seq, publish] of this.#unacked) {
      if (seq > through) break;
      this.#unacked.delete(seq);
      this.#acked = seq;
      publish.end(publish.fault ?? publish.error, seq === through ? { ...own, dup: dups > 0 } : { dup: false });
    }
    this.#flush();
  }

  #refused(seq, error) {
    const publish = this.#unacked.get(seq);
    if (error.code === 4008) return; // a gap; the connection closes, and on the next one all is sent again
    if (error.retry === "no") {
      if (publish) publish.error = error;
      if (error.code === 4006 || error.code === 4007) this.#acknowledged({ seq }); // no acknowledgement will come
    } else if (!(this.#held <= seq)) {
      // Nothing from this number on was applied; the broker drops what is behind it until it comes again.
      this.#held = seq;
      clearTimeout(this.#holdTimer);
      this.#holdTimer = setTimeout(() => {
        this.#held = undefined;
        this.#sendAgain(seq);
      }, Math.max(100, clamp(error.afterMs ?? 1000)));
    }
  }

  /** The broker could not read some data, nor the number beside it. */
  #unreadable(error) {
    // Answers come in order, so it is the first publish without one, unless all come again anyway.
    const [[seq, publish] = []] = this.#unacked;
    if (!publish || publish.fault || this.#held !== undefined) return;
    publish.fault = error;
    publish.rest = '"topic":"","data":null}'; // uses up the number
    this.#sendAgain(seq);
  }

  /** Rejects what was sent and has no verdict, and, if this is the end, what was not sent. */
  #forget(error, isEnd) {
    const gone = [...this.#unacked.values(), ...(isEnd ? this.#unsent.splice(0) : [])];
    this.#unacked.clear();
    for (const publish of gone) publish.end(error);
  }

  // Requests and subscriptions

  #request(frame, again) {
    return new Promise((resolve, reject) => {
      if (this.state === "closed") throw closed();
      checked(frame.topic);
      this.#requests.set(++this.#ids, { frame: { ...frame, id: this.#ids }, again, resolve, reject });
      this.#sendRequests();
    });
  }

  #sendRequests() {
    if (!this.#ready) return;
    for (const request of this.#requests.values()) {
      if (request.sent || !request.frame) continue;
      request.sent = true;
      this.#send(request.frame);
    }
  }

  #answered(id) {
    const request = this.#requests.get(id) ?? {};
    this.#requests.delete(id);
    return request;
  }

  #answer(id, error, ack) {
    const { subscription, resolve, reject } = this.#answered(id);
    if (!subscription) return error ? reject?.(error) : resolve?.(ack);
    if (subscription !== this.#subscriptions.get(subscription.filter)) return; // closed meanwhile
    subscription.isAwaited = false;
    if (!error) {
      // Of a topic, the answer is the value; what a filter matches came before it.
      if ("data" in ack && subscription.options.retained !== false) subscription.push({ ...ack, retained: true });
      subscription.stands();
    } else if (error.retry === "later" && subscription.stood) {
      // The broker had taken it before, and is only short of something now.
      setTimeout(() => this.#sendSubscription(subscription), Math.max(100, clamp(error.afterMs ?? 1000)));
    } else {
      this.#ended(subscription, error);
    }
  }

  #ended(subscription, error) {
    if (this.#subscriptions.delete(subscription?.filter)) subscription.end(error);
  }

  #sendSubscription(subscription) {
    const { filter, options, isAwaited } = subscription;
    if (!this.#ready || isAwaited || this.#subscriptions.get(filter) !== subscription) return;
    const { mode, maxRate, echo, retained } = options;
    subscription.isAwaited = true;
    this.#requests.set(++this.#ids, { subscription });
    this.#send({ op: "sub", id: this.#ids, topic: filter, mode, maxRate, echo, retained });
  }

  #deliver(message) {
    const all = [...this.#subscriptions.values()].filter(({ filter }) => matches(filter, message.topic));
    // What is retained answers a subscription that was just sent.
    const asked = message.retained ? all.filter(({ isAwaited }) => isAwaited) : [];
    for (const subscription of asked.length ? asked : all) subscription.push(message);
  }
}

class Subscription {
  #callback;
  #unsubscribe;
  #queue = new Map(); // of `latest` one message a topic
  #queued = 0;
  #wake;
  #isRead;
  #isClosed = false;
  #error;
  #settle;
  isAwaited = false;
  stood = false;

  constructor(filter, options, callback, unsubscribe) {
    this.filter = filter;
    this.options = options;
    this.#callback = callback;
    this.#unsubscribe = unsubscribe;
    this.#isRead = !callback;
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.ready.catch(() => {}); // who does not ask is not told by an unhandled rejection
  }

  close() {
    if (this.#isClosed) return;
    this.#unsubscribe();
    this.end();
  }

  async *[Symbol.asyncIterator]() {
    this.#isRead = true;
    try {
      for (;;) {
        for (const [key, message] of this.#queue) {
          this.#queue.delete(key);
          yield message;
        }
        if (this.#queue.size) continue;
        if (this.#error) throw this.#error;
        if (this.#isClosed) return;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.close();
    }
  }

  // What follows is for the client.

  push(message) {
    if (this.#isClosed) return;
    try {
      this.#callback?.(message);
    } catch (error) {
      queueMicrotask(() => { throw error; }); // the program's fault is reported, and is no other subscriber's
    }
    if (!this.#isRead) return;
    const isLatest = this.options.mode === "latest";
    this.#queue.set(isLatest ? message.topic : this.#queued++, message);
    if (!isLatest && this.#queue.size > (this.options.queue ?? 1024)) {
      this.#unsubscribe();
      this.end(new BrokerError({ code: 4301, name: "slow_consumer", reason: "the subscription was not read" }));
    }
    this.#wake?.();
  }

  stands() {
    this.stood = true;
    this.#settle.resolve(this);
    this.options.onready?.();
  }

  end(error = undefined) {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = error?.name === "closed" ? undefined : error; // the program's own wish is no error
    this.#settle.reject(error ?? closed());
    this.options.onend?.(error);
    this.#wake?.();
  }
}

const closed = () => new BrokerError({ name: "closed", reason: "the client is closed" });

/** What is not UTF-8 would cost the connection. */
function checked(topic) {
  if (!/\p{Cs}/u.test(topic)) return String(topic);
  throw new BrokerError({ code: 4002, name: "bad_topic", reason: "not UTF-8" });
}

/** A mistyped number keeps nobody away for hours. */
const clamp = (ms) => Math.min(ms, 600_000);
