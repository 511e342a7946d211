// One topic by itself, over the page. The address names it, so it can be kept and sent to somebody.
import { brokerTime } from "./clock.js";
import { age, number, rate, text, time } from "./format.js";
import { Plot } from "./plot.js";
import { Strip, show } from "./strip.js";

const JSON_MAX = 20_000; // characters; a message may have 64 KiB, many times a second

export class Detail {
  #dialog = document.getElementById("detail");
  #plot;
  #activity;
  #topics;
  #topic;
  #version;
  #second;

  constructor(topics, publishTo) {
    this.#topics = topics;
    this.#plot = new Plot(this.#part(".plot"));
    this.#part(".activity").append(document.getElementById("strip").content.cloneNode(true));
    this.#activity = new Strip(this.#part(".activity .strip"));
    this.#part(".close").addEventListener("click", () => this.#dialog.close());
    this.#part(".publish-here").addEventListener("click", () => {
      const { name } = this.#topic;
      this.#dialog.close();
      publishTo(name);
    });
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#closed());
  }

  draw(now) {
    const topic = this.#topics.all.get(nameInAddress());
    if (topic !== this.#topic) this.#show(topic);
    const second = Math.floor(now / 1000);
    if (!topic || (topic.version === this.#version && second === this.#second)) return;
    [this.#version, this.#second] = [topic.version, second];
    const { shape, exact, data } = topic;
    show(this.#part(".figure"), shape.value === undefined ? text(data) : number(shape.value, exact));
    show(this.#part(".note"), shape.note ?? "");
    show(this.#part("pre"), JSON.stringify(data, undefined, 2).slice(0, JSON_MAX));
    this.#drawFacts(topic, now, second);
    this.#plot.draw(topic, now);
    this.#activity.draw({ kind: "event", changes: (second) => topic.changes(second) }, now);
  }

  #part(selector) {
    return this.#dialog.querySelector(selector);
  }

  #show(topic) {
    this.#plot.clear();
    this.#version = undefined;
    this.#topic = topic;
    if (!topic) return this.#dialog.close();
    show(this.#part("#detail-name"), topic.name);
    if (!this.#dialog.open) this.#dialog.showModal();
    // The first drawing may be by strips, until Chart.js is there.
    this.#plot.prepare().then(() => {
      this.#plot.clear();
      this.#version = undefined;
    });
  }

  #drawFacts(topic, now, second) {
    const { aggregate, offset, ts, window, exact } = topic;
    const facts = [
      ["Aggregator", aggregate],
      ["Window", window && `${time(window.start)} to ${time(window.end)}${window.partial ? ", partial" : ""}`],
      ["Changes", number(offset)],
      ["Last change", ts && `${time(ts)}, ${age(brokerTime(now) - ts)} ago`],
      ["Per second", rate(topic.rate(second))],
      ["Exact", exact],
    ].filter(([, value]) => value !== undefined);
    const list = this.#part("dl");
    while (list.children.length > 2 * facts.length) list.lastChild.remove();
    while (list.children.length < 2 * facts.length) {
      list.append(document.createElement("dt"), document.createElement("dd"));
    }
    for (const [i, fact] of facts.entries()) fact.forEach((text, part) => show(list.children[2 * i + part], text));
  }

  #closed() {
    this.#plot.clear();
    this.#topic = undefined;
    if (nameInAddress()) history.replaceState(null, "", location.pathname + location.search);
  }
}

function nameInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return ""; // somebody typed it
  }
}
