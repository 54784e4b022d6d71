// A node's page: what it does now, its readings over time, what happened to it.

import { get } from "../core/api.js";
import { realAge } from "../core/clock.js";
import { $, $$, debounce, fill, h, icon } from "../core/dom.js";
import { age, day, duration, moment, number, quantity, reading, unitDigits } from "../core/format.js";
import { hasTerm, t, term } from "../core/i18n.js";
import { on } from "../core/live.js";
import { onTheme } from "../core/shell.js";
import { faultName, fieldName, isReachable, kindName, nextReport, reasonName, stateOf } from "../core/states.js";
import { failed } from "../core/toast.js";
import { stateLine } from "../map/popup.js";
import { wireBoard } from "./board.js";
import { drawChart, mostFields } from "./chart.js";
import { wireOverride } from "./override.js";

const id = document.body.dataset.node;
const path = `nodes/${encodeURIComponent(id)}`;
// Nodes ask from the last third of their certificate's life on: 275 of 825 days.
const overdueDays = 60;
const hidden = new Set(["faults", "desired_version"]);
const firstFields = {
  streetlight: ["level_percent", "lamp_power_w"], smart_bin: ["fill_percent", "temperature_c"],
  greenhouse: ["air_temperature_c", "relative_humidity_percent"], reservoir: ["level_m", "rain_mm"],
  control_cabinet: ["power_w", "contactors_closed"],
};
let node = null;
let readings = { fields: {}, at_s: [], values: {} };
let fields = [];
let hours = 24;
let chart = null;

function showHead() {
  $("#node-name").textContent = node.name || node.id;
  $("#node-place").textContent = [kindName(node.kind), node.address].filter(Boolean).join(" · ");
  $("#override-panel").hidden = !["streetlight", "control_cabinet"].includes(node.kind);
}

function showState() {
  fill($("#node-state"), stateLine(stateOf(node)), h("span", { class: "soft" }, t("seen %(age)s", { age: age(realAge(node.last_seen_s)) })));
  fill($("#node-faults"), (node.faults ?? []).map((fault) => h("li", { class: "badge badge--warn badge--wrap" }, icon("alert"), faultName(fault))));
  fill($("#node-facts"), facts().map(([name, value, tone]) => h("div", {}, h("dt", {}, name), h("dd", { class: tone ?? null }, value))));
}

function connection() {
  const next = nextReport(node);
  if (next !== null) return t("asleep, next report at %(when)s", { when: moment(next) });
  return isReachable(node) && !node.sleep_s ? t("online") : t("offline");
}

function facts() {
  const same = node.desired_version === node.reported_version;
  return [
    [t("Mains"), node.mains === null || node.mains === undefined ? t("unknown") : node.mains ? t("present") : t("missing")],
    [t("Connection"), connection()],
    [t("Desired version"), node.desired_version ?? "–"],
    [t("Reported version"), h("span", {}, String(node.reported_version ?? "–"), " ",
      h("span", { class: `badge ${same ? "badge--good" : "badge--wait"}` }, same ? t("reached") : t("waiting")))],
    [t("Application"), node.app_version ?? "–"],
    [t("Slot"), node.slot ? node.slot.toUpperCase() : "–"],
    [t("Release counter"), node.release_counter ?? "–"],
    [t("Certificate valid until"), certificateEnd()],
    [t("Messages lost for good"), node.dropped ?? "–", node.dropped ? "warn" : null],
    [t("Last error"), node.error ? reasonName(node.error) : t("none")],
  ];
}

/** When the node's certificate ends, by the machine's clock; marked when renewal is overdue. */
function certificateEnd() {
  const endS = node.certificate_not_after_s;
  if (!endS) return t("none");
  const leftDays = Math.floor((endS - Date.now() / 1000) / 86400);
  if (leftDays >= overdueDays) return day(endS);
  return h("span", {}, day(endS), " ", h("span", { class: "badge badge--warn" }, leftDays < 0 ? t("expired") : t("%(n)s days left", { n: leftDays })));
}

function showReadings() {
  const known = Object.entries(readings.fields).filter(([name]) => !hidden.has(name));
  fill($("#readings"), known.map(([name, { unit }]) => h("div", { class: "reading" },
    h("dt", {}, fieldName(name)), h("dd", {}, reading(name, node.values?.[name] ?? null, unit)))));
  $("#readings-age").textContent = node.at_s ? t("measured %(when)s", { when: moment(node.at_s) }) : "";
  $("#no-readings").hidden = Boolean(node.at_s);
}

function showChoices() {
  fill($("#chart-fields"), Object.keys(readings.fields).filter((name) => !hidden.has(name)).map((name) => {
    const place = fields.indexOf(name);
    const chip = h("button", { class: "chip chip--series", type: "button", "aria-pressed": String(place >= 0), onclick: () => choose(name) }, fieldName(name));
    chip.dataset.series = place >= 0 ? String(place + 1) : "";
    chip.dataset.name = name;
    return chip;
  }));
}

function choose(name) {
  fields = fields.includes(name) ? fields.filter((each) => each !== name) : [...fields, name].slice(-mostFields);
  showChoices();
  showChart();
  $(`#chart-fields [data-name="${name}"]`)?.focus();
}

function showChart() {
  chart?.destroy();
  chart = null;
  const empty = !readings.at_s.length || !fields.length;
  $("#no-chart").hidden = !empty;
  if (!empty) chart = drawChart($("#chart"), readings, fields);
  $("#chart-summary").textContent = fields.map(summary).join(" ");
}

function summary(field) {
  const values = (readings.values[field] ?? []).filter((value) => value !== null);
  if (!values.length) return "";
  const unit = readings.fields[field]?.unit ?? "";
  const digits = unitDigits(unit);
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return t("%(field)s: %(low)s to %(high)s.", { field: fieldName(field), low: number(low, digits), high: quantity(high, unit) });
}

async function loadReadings() {
  readings = await get(`${path}/readings?hours=${hours}`);
  if (!fields.length) fields = (firstFields[node.kind] ?? []).filter((name) => name in readings.fields);
  showReadings();
  showChoices();
  showChart();
}

function detailText(key, value) {
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (key === "error" || key === "reason") return reasonName(value);
  if (key === "rung") return term("rung", value);
  if (key === "output") return term("output", value);
  if (key === "not_after_s") return day(value);
  if (typeof value === "number" && key.endsWith("_s")) return duration(value);
  if (typeof value === "number" && key.endsWith("_mw")) return `${number(value / 1000, 1)} W`;
  if (typeof value === "number" && key.endsWith("_wh")) return `${number(value / 1000, 1)} kWh`;
  if (typeof value === "number" && key.endsWith("_w")) return `${number(value)} W`;
  if (typeof value === "number" && key.endsWith("_h")) return `${number(value)} h`;
  if (typeof value === "number" && key.endsWith("_bytes")) return `${number(value / 1024, 1)} KiB`;
  return key === "cause" ? term("cause", value) : String(value);
}

function eventText(event) {
  const detail = event.detail ?? {};
  const parts = Object.entries(detail).filter(([key]) => key !== "request").map(([key, value]) => {
    if (key === "fault") return faultName(value);
    return `${term("detail", key)}: ${detailText(key, value)}`;
  });
  return parts.join(" · ");
}

const bad = new Set(["last_gasp", "offline", "desired_refused", "update_refused", "update_rolled_back", "fault_on", "crashed", "safe_mode_entered", "certificate_renewal_failed"]);

async function loadEvents() {
  const { events } = await get(`${path}/events`);
  $("#no-events").hidden = events.length > 0;
  fill($("#events"), events.map((event) => {
    const name = event.name;
    return h("li", { class: "event" },
      h("span", { class: `dot ${bad.has(name) || event.detail?.ok === false ? "dot--bad" : ""}`, "aria-hidden": "true" }),
      h("div", {}, h("strong", {}, hasTerm("event", name) ? term("event", name) : String(name)),
        h("p", { class: "soft break" }, eventText(event))),
      h("time", { class: "soft nowrap" }, moment(event.at_s)));
  }));
}

function append(changed) {
  const before = node.at_s;
  node = { ...node, ...changed };
  showState();
  if (!changed.at_s || changed.at_s <= before) return;
  readings.at_s.push(node.at_s);
  for (const name of Object.keys(readings.fields)) (readings.values[name] ??= []).push(node.values?.[name] ?? null);
  showReadings();
  redraw();
}

const redraw = debounce(() => (chart ? chart.set() : showChart()), 200);
const eventsSoon = debounce(() => loadEvents().catch(failed), 400);

async function load() {
  node = await get(path);
  showHead();
  showState();
  await Promise.all([loadReadings(), loadEvents()]);
}

for (const button of $$("[data-hours]")) {
  button.addEventListener("click", () => {
    hours = Number(button.dataset.hours);
    for (const each of $$("[data-hours]")) each.setAttribute("aria-pressed", String(each === button));
    loadReadings().catch(failed);
  });
}
const form = $("#override");
if (form) wireOverride(form, () => ({ node_ids: [id] }));
wireBoard(path, load);
on("node", (data) => {
  const changed = data.nodes.find((each) => each.id === id);
  if (!changed || !node) return;
  append(changed);
  eventsSoon();
});
on("resync", () => load().catch(failed));
onTheme(showChart);
addEventListener("resize", debounce(() => chart?.resize(), 100));
setInterval(() => node && showState(), 1000);
load().catch(failed);
