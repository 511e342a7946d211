// The list of topics. Every topic has an element, so that the browser's own search and a screen reader find it; what
// it holds is made when it is first seen, and drawn only while it is.
import { matches } from "../wsbroker.js";
import { brokerTime } from "./clock.js";
import { age, number, rate, text } from "./format.js";
import { Strip, show } from "./strip.js";
import { inOrder } from "./topics.js";

export class Rows {
  #list;
  #rows = new Map(); // topic -> Row
  #visible = new Set();
  #sorted = [];
  #wanted = () => true;
  #seer;

  constructor(list) {
    this.#list = list;
    this.#seer = new IntersectionObserver((entries) => this.#saw(entries), { rootMargin: "300px" });
    list.addEventListener("keydown", (event) => this.#move(event));
  }

  /** How many are shown. */
  count = 0;

  draw(topics, now) {
    if (topics.added.length || topics.gone.length) this.#update(topics);
    for (const row of this.#visible) row.draw(now);
  }

  /** Shows only the topics that the text is part of, or that it matches as a topic filter. */
  filter(text) {
    const isFilter = /(^|\/)[+#](\/|$)/.test(text);
    const lower = text.toLowerCase();
    this.#wanted = isFilter ? (name) => matches(text, name) : (name) => name.toLowerCase().includes(lower);
    for (const row of this.#rows.values()) row.element.hidden = !this.#wanted(row.topic.name);
    this.#arrange();
  }

  #update(topics) {
    for (const topic of topics.gone.splice(0)) {
      const row = this.#rows.get(topic);
      this.#seer.unobserve(row.element);
      this.#visible.delete(row);
      this.#rows.delete(topic);
      this.#sorted.splice(this.#sorted.indexOf(row), 1);
      row.element.remove();
    }
    for (const topic of topics.added.splice(0)) {
      if (topics.all.get(topic.name) !== topic) continue;
      const row = new Row(topic);
      row.element.hidden = !this.#wanted(topic.name);
      this.#rows.set(topic, row);
      this.#insert(row);
      this.#seer.observe(row.element);
    }
    this.#arrange();
  }

  #insert(row) {
    let [from, to] = [0, this.#sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (inOrder(this.#sorted[middle].topic, row.topic) < 0) from = middle + 1;
      else to = middle;
    }
    this.#list.insertBefore(row.element, this.#sorted[from]?.element ?? null);
    this.#sorted.splice(from, 0, row);
  }

  /** Counts what is shown, and sets the first of each family of topics apart. */
  #arrange() {
    this.count = 0;
    let family;
    for (const { element, topic } of this.#sorted) {
      if (element.hidden) continue;
      const [own] = topic.levels;
      element.classList.toggle("first", own !== family && this.count > 0);
      family = own;
      this.count++;
    }
  }

  #saw(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rows.get(target.topic);
      if (!row) continue;
      if (isIntersecting) this.#visible.add(row);
      else this.#visible.delete(row);
      if (isIntersecting) row.draw(Date.now());
    }
  }

  /** Arrow keys go from row to row, Home and End to the ends. */
  #move(event) {
    const shown = this.#sorted.filter(({ element }) => !element.hidden);
    const at = shown.findIndex(({ element }) => element.contains(document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    shown[to]?.link.focus();
  }
}

class Row {
  #parts; // once it was seen
  #version;
  #second;

  constructor(topic) {
    this.topic = topic;
    this.element = document.createElement("li");
    this.element.topic = topic;
    this.link = document.createElement("a");
    this.link.href = hashOf(topic.name);
    this.link.append(span("path", topic.path), span("leaf", topic.leaf));
    this.element.append(this.link);
  }

  draw(now) {
    const second = Math.floor(now / 1000);
    const { topic } = this;
    if (topic.version === this.#version && second === this.#second) return;
    const parts = (this.#parts ??= this.#build());
    if (topic.version !== this.#version) this.#drawValue(parts);
    this.#drawRate(parts, now, second);
    parts.strip.draw(topic, now);
    [this.#version, this.#second] = [topic.version, second];
  }

  #build() {
    const copy = document.getElementById("row").content.cloneNode(true);
    const part = (name) => copy.querySelector(`.${name}`);
    const [made, figure, note, rate] = ["made", "figure", "note", "rate"].map(part);
    const parts = { made, figure, note, rate, strip: new Strip(part("strip")) };
    this.element.append(copy);
    return parts;
  }

  #drawValue({ made, figure, note }) {
    const { shape, data, exact, aggregate, window, alert, isDescribed, isRaised, isSliding } = this.topic;
    const isNumber = shape.value !== undefined;
    const told = isNumber ? number(shape.value, exact) : text(data);
    show(figure, told);
    const form = told.startsWith("{") || told.startsWith("[") ? "json" : "words";
    figure.className = `figure ${isNumber ? (told.length > 11 ? "long" : "") : form}`;
    show(note, shape.note ?? "");
    const spans = window ? `${isSliding ? "over" : "by"} ${age(window.end - window.start)}` : "";
    show(made, [aggregate ?? (alert ? "alert" : isDescribed ? "message" : ""), spans].filter(Boolean).join(", "));
    this.element.classList.toggle("raised", isRaised);
  }

  #drawRate(parts, now, second) {
    const { ts } = this.topic;
    const perSecond = this.topic.rate(second);
    show(parts.rate, perSecond > 0 ? `${rate(perSecond)}/s` : ts ? `${age(brokerTime(now) - ts)} ago` : "");
    this.element.classList.toggle("quiet", perSecond === 0);
  }
}

/** Where in the page the topic is shown by itself. */
export function hashOf(name) {
  return `#${encodeURIComponent(name)}`;
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
