// The chart of a node's readings: chosen fields over a day or a week, on uPlot.

import { number, seconds, shortDay, time, unitDigits, unitName } from "../core/format.js";
import { t } from "../core/i18n.js";
import { fieldName } from "../core/states.js";
import { tokenColor } from "../map/marks.js";

const dayS = 86400;
// What a lamp does it does until it changes; a slanted line would be a ramp that never was.
const stepped = new Set(["level_percent", "lamp_power_w", "lamp_current_a", "flood_alarm_level", "pickups", "outputs",
  "feeders_on", "contactors_closed", "breakers_tripped", "door_open"]);
const height = 260;
// The first readings of a node: a chart of a moment would be drawn as one of years.
const shortestS = 600;
const characterPx = 7;
/** More lines than this cannot be told apart. */
export const mostFields = 4;

function axisTimes(_, splits) {
  const long = splits.length > 1 && splits.at(-1) - splits[0] > 2 * dayS;
  return splits.map((at) => (long ? `${shortDay(at)}\n${time(at)}` : time(at)));
}

/** Figures with as many digits as tell one from the next. */
function axisValues(unit, splits) {
  const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : 1;
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  return splits.map((value) => `${number(value, digits)} ${unitName(unit)}`);
}

/** The readings as the chart takes them; a single one stands between two moments without any. */
function columns(readings, fields) {
  const values = fields.map((field) => readings.values[field] ?? []);
  if (readings.at_s.length !== 1) return [readings.at_s, ...values];
  const [at] = readings.at_s;
  return [[at - shortestS / 2, at, at + shortestS / 2], ...values.map(([value]) => [null, value ?? null, null])];
}

/** From the first to the last reading, at least some minutes. */
function span(_, first, last) {
  const lacking = Math.max(0, shortestS - (last - first)) / 2;
  return [first - lacking, last + lacking];
}

/** Room for the longest figure with its unit. */
function room(_, labels) {
  return 18 + characterPx * Math.max(6, ...(labels ?? []).map((label) => label.length));
}

function steps(values) {
  return window.uPlot.paths.stepped({ align: 1 })(...values);
}

function series(fields, units, few) {
  return fields.map((field, index) => ({
    label: fieldName(field), scale: units[field], stroke: tokenColor(`chart-${index + 1}`), width: 1.75,
    points: { show: few }, spanGaps: false,
    paths: stepped.has(field) ? (...values) => steps(values) : undefined,
    value: (_, value) => (value === null ? "–" : `${number(value, unitDigits(units[field]))} ${unitName(units[field])}`),
  }));
}

function axes(fields, units) {
  const line = { stroke: tokenColor("text-soft"), grid: { stroke: tokenColor("line"), width: 1 }, ticks: { stroke: tokenColor("line"), width: 1 }, font: "12px sans-serif" };
  const scales = [...new Set(fields.map((field) => units[field]))];
  return [
    { ...line, values: axisTimes },
    ...scales.map((scale, index) => ({
      ...line, scale, side: index % 2 ? 1 : 3, size: room, grid: { ...line.grid, show: index === 0 },
      values: (_, splits) => axisValues(scale, splits),
    })),
  ];
}

/** Draws readings ({at_s, values, fields}) of `fields` into `place` and gives {resize, destroy, set}. */
export function drawChart(place, readings, fields) {
  const units = Object.fromEntries(fields.map((field) => [field, readings.fields[field]?.unit ?? ""]));
  const width = () => Math.max(220, place.clientWidth);
  const data = () => columns(readings, fields);
  const scales = Object.fromEntries(Object.values(units).map((unit) => [unit, unit === "%" ? { range: [0, 100] } : {}]));
  const chart = new window.uPlot({
    width: width(), height, tzDate: (at) => window.uPlot.tzDate(new Date(at * 1000), "Asia/Ho_Chi_Minh"),
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: true, range: span }, ...scales },
    series: [{ label: t("Time"), value: (_, at) => (at ? `${shortDay(at)} ${seconds(at)}` : "–") }, ...series(fields, units, readings.at_s.length < 3)],
    axes: axes(fields, units), legend: { live: true },
  }, data(), place);
  return {
    resize: () => chart.setSize({ width: width(), height }),
    set: () => chart.setData(data()),
    destroy: () => chart.destroy(),
  };
}
