// The dashboard of a wsbroker: reads every topic that the viewer may read, and puts the parts of the page together.
import { connect } from "../wsbroker.js";
import { AlertList } from "./alertlist.js";
import { Alerts } from "./alerts.js";
import { hearTime } from "./clock.js";
import { Detail } from "./detail.js";
import { Figures } from "./figures.js";
import { number } from "./format.js";
import { spanAt } from "./history.js";
import { drawWith, invalidate } from "./loop.js";
import { Metadata } from "./metadata.js";
import { PublishBox } from "./publish.js";
import { ReadableTopics } from "./readable.js";
import { Rows } from "./rows.js";
import { show } from "./strip.js";
import { Topics, TOPICS_MAX } from "./topics.js";

const RATE = 5; // values a second and topic; more nobody sees
const IN_FULL_MAX = 100; // topics that are read without a rate; a connection has 128 subscriptions

const element = (id) => document.getElementById(id);
const topics = new Topics();
const alerts = new Alerts();
const figures = new Figures();
const metadata = new Metadata();
const rows = new Rows(element("list"));
const alertList = new AlertList();
const publishBox = new PublishBox(options);
const detail = new Detail(topics, publishTo);

const inFull = new Set();

// Who may not read everything, or does not want to, says what in the address: ?filter=factory/%23
const filter = new URLSearchParams(location.search).get("filter") ?? "#";

let token = sessionStorage.getItem("wsbroker-token") ?? undefined;
let client;
let isComplete = false; // whether all that was there when the connection opened has come
let retryAt = 0;
let markedVersion;

function options() {
  return { token, client: "dashboard/1", backoff: { maxMs: 5000 } };
}

const readable = new ReadableTopics((topic) => {
  client.subscribe(topic, { mode: "latest", maxRate: RATE }, received);
});

function start() {
  readable.stop();
  client = connect(undefined, { ...options(), producer: false, onstate: changed });
  client.subscribe(filter, { mode: "latest", maxRate: RATE, onready: completed, onend: refused }, received);
  client.subscribe("$sys/#", { mode: "latest", maxRate: RATE, onend: () => figures.forget() }, receivedFigure);
}

function received(message) {
  const now = Date.now();
  if (!message.retained) hearTime(message.ts, now);
  topics.receive(message, now);
  // With a rate, one of two alerts at the same time could be skipped, and what a window closes with.
  if (message.alert) readInFull(message.topic, "all");
  else if (message.window) readInFull(message.topic, "latest");
  if (message.alert) receivedAlert(message);
  invalidate();
}

function readInFull(topic, mode) {
  if (inFull.size >= IN_FULL_MAX || inFull.has(topic) || readable.has(topic)) return;
  inFull.add(topic);
  client.subscribe(topic, { mode, retained: false }, () => {}); // the messages come by the filter
}

function receivedAlert(message) {
  const transition = alerts.receive(message);
  if (transition && isComplete && !message.retained) alertList.say(transition);
}

function receivedFigure(message) {
  if (message.topic === "$sys/alerts") alerts.list(message.data);
  figures.receive(message, Date.now());
  invalidate();
}

function refused(error) {
  if (client.state === "closed") return; // and that says why
  if (filter === "#" && error.code === 4103) return readable.start(token, completed);
  element("refused").hidden = false;
  show(element("refused-reason"), `${filter}: ${error.reason}`);
}

function completed() {
  topics.complete();
  alerts.complete();
  isComplete = true;
  invalidate();
}

function changed(state, { error, afterMs }) {
  document.body.dataset.state = state;
  if (state === "open") {
    topics.begin();
    alerts.begin();
    metadata.forget(); // another configuration may have come with another broker
  } else {
    isComplete = false;
  }
  retryAt = state === "waiting" ? Date.now() + afterMs : 0;
  const closed = `Refused: ${error?.reason}`;
  show(element("state"), { connecting: "Connecting", open: "Live", waiting: "No connection", closed }[state]);
  if (state === "closed" && error.code >= 4100 && error.code < 4104) askForToken(error);
  invalidate();
}

function askForToken({ reason }) {
  show(element("credentials-reason"), reason);
  element("credentials").showModal();
}

element("credentials").addEventListener("close", () => {
  token = element("token").value.trim() || undefined;
  if (!token) return;
  sessionStorage.setItem("wsbroker-token", token); // for this tab, and gone with it
  element("token").value = "";
  inFull.clear();
  start();
});

function publishTo(topic) {
  element("publishing").open = true;
  publishBox.fill(topic);
}

// Searching, and what the keyboard does

element("search").addEventListener("input", ({ target }) => {
  rows.filter(target.value.trim());
  invalidate();
});

addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest?.("input, textarea, dialog")) return;
  event.preventDefault();
  element("search").focus();
});

element("publish-topic").addEventListener("focus", () => publishBox.offer([...topics.all.keys()].slice(0, 500)));
addEventListener("hashchange", invalidate);

// A narrow page begins with the topics.
if (matchMedia("(max-width: 60rem)").matches) for (const id of ["publishing", "alerts"]) element(id).open = false;
element("banner").addEventListener("click", (event) => {
  event.preventDefault();
  element("alerts").open = true;
  element("alerts").querySelector("a")?.focus();
  element("alerts").scrollIntoView({ block: "nearest" });
});

drawWith((now) => {
  if (alerts.version !== markedVersion) alerts.markRaised(topics.all.values());
  markedVersion = alerts.version;
  rows.draw(topics, now);
  alertList.draw(alerts, now);
  if (client.state === "open") figures.draw(now);
  detail.draw(now);
  drawCounts();
  drawAxis(spanAt(now));
  const seconds = Math.ceil((retryAt - now) / 1000);
  show(element("retry"), seconds > 0 ? `, again in ${seconds} s` : "");
  if (isComplete) metadata.update(topics, filter, token, now);
});

function drawCounts() {
  const all = topics.all.size;
  show(element("shown"), (rows.count === all ? "" : `${number(rows.count)} of `) + number(all));
  element("empty").hidden = !isComplete || all > 0;
  element("nothing").hidden = all === 0 || rows.count > 0;
  element("full").hidden = !topics.isFull;
  show(element("full"), `These are the first ${number(TOPICS_MAX)}; a page shows no more.`);
}

/** The time that all charts show, in four parts. */
function drawAxis(seconds) {
  for (const [i, tick] of [...element("ticks").children].slice(0, 4).entries()) {
    const ago = (seconds * (4 - i)) / 4;
    show(tick, ago % 60 ? `${ago} s` : `${ago / 60} min`);
  }
}

start();
