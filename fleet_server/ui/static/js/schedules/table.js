// The steps as a table: the same draft as on the night axis, exact and for the keyboard.

import { h, icon, reconcile } from "../core/dom.js";
import { t, term } from "../core/i18n.js";
import { clockAt, offsetMost, parseTime, placeOf, timeText } from "./model.js";

const anchors = ["clock", "sunset", "sunrise"];

function number(name, label, low, high, step) {
  return h("input", { type: "number", inputmode: "numeric", name, min: String(low), max: String(high), step: String(step), "aria-label": label });
}

function makeRow(draft, sun, readOnly) {
  return ({ index: key }) => {
    const row = h("tr");
    const at = () => Number(row.dataset.index);
    const change = (part) => {
      draft.mark();
      draft.replace(at(), { ...draft.steps[at()], ...part });
    };
    const anchor = h("select", { "aria-label": t("From"), onchange: () => change(anchored(draft.steps[at()], anchor.value, sun())) },
      anchors.map((name) => h("option", { value: name }, term("anchor", name))));
    const time = h("input", { type: "text", inputmode: "numeric", name: "time", maxlength: "5", placeholder: "23:00", autocomplete: "off", "aria-label": t("Time, 24 hours"),
      onchange: () => takeTime(time, change) });
    const offset = number("offset_min", t("Minutes before (−) or after (+)"), -offsetMost, offsetMost, 5);
    offset.addEventListener("change", () => change({ offset_min: bounded(offset, -offsetMost, offsetMost) }));
    const level = number("level", t("Level in percent"), 0, 100, 5);
    level.addEventListener("change", () => change({ level: bounded(level, 0, 100) }));
    const ramp = number("ramp_s", t("Ramp in seconds"), 0, 3600, 10);
    ramp.addEventListener("change", () => change({ ramp_s: bounded(ramp, 0, 3600) }));
    const remove = h("button", { class: "button button--quiet button--icon", type: "button", "aria-label": t("Remove step %(number)s", { number: key + 1 }), onclick: () => draft.remove(at()) }, icon("bin"));
    for (const input of [anchor, time, offset, level, ramp]) input.disabled = readOnly;
    remove.hidden = readOnly;
    row.append(
      h("th", { scope: "row" }), h("td", {}, anchor),
      h("td", {}, h("span", { class: "unit" }, time, offset, h("span", {}, t("min")))),
      h("td", {}, h("span", { class: "unit" }, level, "%")),
      h("td", {}, h("span", { class: "unit" }, ramp, t("s"))), h("td", {}, remove));
    return row;
  };
}

function bounded(input, low, high) {
  const value = Math.round(Number(input.value));
  return Number.isFinite(value) ? Math.max(low, Math.min(high, value)) : 0;
}

function takeTime(input, change) {
  const minutes = parseTime(input.value);
  input.setAttribute("aria-invalid", String(minutes === null));
  if (minutes !== null) change({ time: timeText(minutes) });
}

/** The step with another anchor that stands, as nearly as can be, where it stood. */
function anchored(step, anchor, sun) {
  const at = placeOf(step, sun);
  if (anchor === "clock") return { anchor, time: clockAt(at), offset_min: 0 };
  const offset = Math.round(at - sun[anchor]);
  return { anchor, time: null, offset_min: Math.abs(offset) <= offsetMost ? offset : 0 };
}

function put(input, value) {
  if (document.activeElement !== input || input.tagName === "SELECT") input.value = value;
}

/** Draws the draft's steps into `body`; `chosen` is the number of the step in focus. */
export function showSteps(body, draft, sun, chosen, readOnly) {
  const items = draft.steps.map((step, index) => ({ step, index }));
  reconcile(body, items, ({ index }) => index, makeRow(draft, sun, readOnly), (row, { step, index }) => {
    row.dataset.index = String(index);
    row.classList.toggle("is-chosen", index === chosen);
    const [anchor, time, offset, level, ramp] = row.querySelectorAll("select, input");
    const clock = step.anchor === "clock";
    row.firstElementChild.textContent = String(index + 1);
    put(anchor, step.anchor);
    time.hidden = !clock;
    offset.hidden = clock;
    offset.nextElementSibling.hidden = clock;
    put(time, step.time ?? "");
    put(offset, String(step.offset_min));
    put(level, String(step.level));
    put(ramp, String(step.ramp_s));
  });
}
