// The alerts on the screen: a red line over everything while one stands, the list, and what happened before.
import { wordsOf } from "./alerts.js";
import { brokerTime } from "./clock.js";
import { age, time } from "./format.js";
import { hashOf } from "./rows.js";
import { show } from "./strip.js";

const HISTORY_SHOWN = 40;

export class AlertList {
  #version;
  #second;
  #banner = document.getElementById("banner");
  #standing = document.getElementById("standing");
  #history = document.getElementById("history");
  #count = document.getElementById("alert-count");
  #spoken = document.getElementById("spoken");

  draw(alerts, now) {
    const second = Math.floor(now / 1000);
    if (alerts.version !== this.#version) this.#drawLists(alerts, now);
    else if (second !== this.#second) this.#drawAges(now);
    [this.#version, this.#second] = [alerts.version, second];
  }

  /** For who hears the page: once for each transition, when the speaker is free. */
  say(alert) {
    show(this.#spoken, `Alert ${alert.name} ${alert.state}: ${wordsOf(alert)}`);
  }

  #drawLists(alerts, now) {
    const standing = [...alerts.standing.values()].sort((a, b) => b.since - a.since);
    const { length } = standing;
    document.title = length ? `(${length}) ${length === 1 ? "alert" : "alerts"} · wsbroker` : "wsbroker";
    document.body.classList.toggle("alarmed", length > 0);
    this.#banner.hidden = length === 0;
    show(this.#count, length ? String(length) : "");
    const [first] = standing;
    if (first) {
      const more = length > 1 ? ` · and ${length - 1} more` : "";
      show(this.#banner, `${first.name}: ${first.text ?? wordsOf(first)}${more}`);
    }
    this.#standing.replaceChildren(...standing.map(item));
    this.#history.replaceChildren(...alerts.history.slice(0, HISTORY_SHOWN).map(item));
    document.getElementById("no-alerts").hidden = length > 0 || alerts.history.length > 0;
    this.#drawAges(now);
  }

  #drawAges(now) {
    for (const element of this.#standing.querySelectorAll("time")) {
      show(element, `for ${age(brokerTime(now) - Date.parse(element.dateTime))}`);
    }
  }
}

function item(alert) {
  const element = document.createElement("li");
  element.className = alert.state ?? "raised";
  const [name, what, when] = ["a", "span", "time"].map((tag) => document.createElement(tag));
  name.textContent = alert.name;
  name.href = hashOf(alert.topic);
  what.textContent = alert.text ?? wordsOf(alert);
  when.dateTime = new Date(alert.ts ?? alert.since).toISOString();
  when.textContent = time(alert.ts ?? alert.since);
  const state = document.createElement("b");
  state.textContent = element.className;
  element.append(state, name, what, when);
  return element;
}
