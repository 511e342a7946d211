// Types of wsbroker.js, the browser client of wsbroker.
// SPDX-License-Identifier: Apache-2.0

export type JSONValue = null | boolean | number | string | JSONValue[] | { [key: string]: JSONValue };

/** What to do about an error; `resend` is about requests whose outcome is unknown. */
export type Retry = "no" | "later" | "resend" | "reconnect";

/** `waiting` is between two attempts to connect; `closed` is for good. */
export type State = "connecting" | "open" | "waiting" | "closed";

/** What the broker refused, or what became of a request otherwise. */
export class BrokerError extends Error {
  /** The number in the protocol's table; 0, or a WebSocket close code, where the client says it. */
  readonly code: number;
  /** Such as `forbidden`; of the client's own: `connection_lost`, `silent`, `closed`, `already_subscribed`. */
  readonly name: string;
  readonly reason: string;
  readonly retry: Retry;
  /** What is wrong with the value, where `name` is `bad_value`. */
  readonly why?: string;
  readonly afterMs?: number;
}

export interface Options {
  /** Sent in `hello`, because a browser can set no header. A function is asked before each attempt to connect and shortly
   *  before a token ends; with it a client that was let in once also comes back after 4101 and 4102. */
  token?: string | (() => string | Promise<string>);
  /** What the broker's log calls this client. */
  client?: string;
  /** `false` for a client that only reads: the broker then keeps no row for it, and serves it on a full disk too. */
  producer?: boolean;
  /** The first limit of the random wait before a new attempt, and what that doubles up to: 100 and 30,000. */
  backoff?: { baseMs?: number; maxMs?: number };
  /** How many publishes may wait for being sent: 10,000. */
  unsentMax?: number;
  onstate?: Client["onstate"];
  /** Another implementation, such as a test's. */
  WebSocket?: unknown;
}

export interface StateDetail {
  /** Why it is `waiting` or `closed`. */
  error?: BrokerError;
  /** How long it waits. */
  afterMs?: number;
  /** The broker's `welcome`. */
  welcome?: { server: string; session: string; messageBytesMax: number };
  /** Acknowledged publishes that the broker has lost, because an older store was put back. */
  regressed?: { from: number; to: number };
}

export interface PublishOptions {
  /** Keeps the message of a topic without an aggregator; with `null` as data, clears it. */
  retain?: boolean;
  /** `data` is JSON text, sent as it stands: for numbers with more digits than JavaScript's. */
  raw?: boolean;
  /** Gives up waiting. What was not sent yet will not be; what was sent may count. */
  signal?: AbortSignal;
}

export interface Acknowledgement<T = JSONValue> {
  /** The running value with this publish in it. Absent on topics without an aggregator, and where the broker answered
   *  several publishes with one frame. */
  data?: T;
  /** The number as it is, where `data` can not hold it. */
  exact?: string;
  topic?: string;
  offset?: number;
  /** Whether it was counted by an earlier attempt already. It counts once either way. */
  dup: boolean;
  /** `false` where the topic's rule left it out; `why` says for what reason. */
  applied?: boolean;
  why?: string;
  window?: Window;
}

export interface Window {
  /** Milliseconds since 1970; `end` does not belong to it. */
  start: number;
  end: number;
  final: boolean;
  partial: boolean;
}

export interface Alert {
  name: string;
  key?: string;
  state: "raised" | "cleared";
  value: number | null;
  limit: JSONValue;
  n: number;
}

export interface Message<T = JSONValue> {
  topic: string;
  data: T;
  exact?: string;
  offset: number;
  /** Milliseconds since 1970, by the broker's clock. Absent on the value that answers a subscription. */
  ts?: number;
  epoch?: string;
  /** It was there before the subscription, or before the connection came back. */
  retained?: boolean;
  window?: Window;
  alert?: Alert;
}

export interface SubscriptionOptions {
  /** `latest` skips values that a newer one replaces, `all` does not; without it, each topic as it is by itself. */
  mode?: "latest" | "all";
  /** Messages per second and topic. */
  maxRate?: number;
  /** `false`: not what this client publishes. */
  echo?: boolean;
  /** `false`: not what is there already. */
  retained?: boolean;
  /** How many messages may wait for a loop that is behind: 1,024. One more ends the subscription, with
   *  `slow_consumer`. In mode `latest`, one message of each topic waits, and nothing ends. */
  queue?: number;
  /** Called when the broker has taken it and what was there has come; after each reconnect again. */
  onready?(): void;
  /** Called at its end, with the error if it was one. */
  onend?(error?: BrokerError): void;
}

export interface Subscription<T = JSONValue> extends AsyncIterable<Message<T>> {
  readonly filter: string;
  /** Resolves when the broker has taken it and what was there has come; rejects if it is refused. */
  readonly ready: Promise<Subscription<T>>;
  close(): void;
}

export interface Client {
  readonly state: State;
  onstate?: (state: State, detail: StateDetail) => void;
  /** Counts exactly once, over lost connections and restarts of the broker, as long as the page lives. */
  publish<T = JSONValue>(
    topic: string,
    data: JSONValue | bigint,
    options?: PublishOptions,
  ): Promise<Acknowledgement<T>>;
  /** Lasts over reconnects; after one, what is there comes again as `retained`. One subscription a filter. */
  subscribe<T = JSONValue>(
    filter: string,
    options?: SubscriptionOptions,
    callback?: (message: Message<T>) => void,
  ): Subscription<T>;
  /** Rejects with `no_value` if there is none. */
  get<T = JSONValue>(topic: string): Promise<Message<T>>;
  reset<T = JSONValue>(topic: string): Promise<Acknowledgement<T>>;
  close(): void;
}

/** Connects, and stays connected. Without an address: to the broker that the module was loaded from. */
export function connect(url?: string | URL, options?: Options): Client;

/** Whether a topic filter matches a topic. */
export function matches(filter: string, topic: string): boolean;
