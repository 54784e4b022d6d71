// A dimming program as the editor holds it, and the small sums of a night that runs noon to noon.
//
// A step is {anchor: "clock" | "sunset" | "sunrise", time: "HH:MM" | null, offset_min, level, ramp_s}.
// A place on the night axis is minutes after the first noon, 0 to 1440.

export const nightMin = 1440;
export const mostSteps = 24;
export const offsetMost = 360;
const noon = 720;

/** "23:00" -> 1380, or null when it is no time of day. */
export function parseTime(text) {
  const found = /^\s*([01]?\d|2[0-3])[:hg.]?([0-5]\d)\s*$/i.exec(text);
  return found ? Number(found[1]) * 60 + Number(found[2]) : null;
}

/** 1380 -> "23:00". */
export function timeText(minutes) {
  const whole = ((Math.round(minutes) % nightMin) + nightMin) % nightMin;
  return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

/** The clock time at a place on the axis. */
export const clockAt = (place) => timeText(place + noon);

/** Where a step stands on the axis; `sun` is {sunset, sunrise} as places. */
export function placeOf(step, sun) {
  if (step.anchor === "clock") return (parseTime(step.time ?? "") ?? noon) >= noon ? parseTime(step.time) - noon : (parseTime(step.time ?? "") ?? 0) + noon;
  return Math.max(0, Math.min(nightMin - 1, sun[step.anchor] + step.offset_min));
}

/** A step moved to a place on the axis; its anchor stays. */
export function movedTo(step, place, sun) {
  const at = Math.max(0, Math.min(nightMin - 1, Math.round(place)));
  if (step.anchor === "clock") return { ...step, time: clockAt(at) };
  const offset = Math.max(-offsetMost, Math.min(offsetMost, at - Math.round(sun[step.anchor])));
  return { ...step, offset_min: offset };
}

/** The steps with their numbers in the order of the night; equal places keep their order. */
export function inOrder(steps, sun) {
  return steps.map((step, index) => ({ step, index, at: placeOf(step, sun) })).sort((a, b) => a.at - b.at || a.index - b.index);
}

/** The corners of the level's line over the night: [[place, level], ...]. */
export function curve(steps, sun) {
  const ordered = inOrder(steps, sun);
  let level = ordered.at(-1)?.step.level ?? 0;
  const line = [[0, level]];
  ordered.forEach(({ step, at }, number) => {
    const next = ordered[number + 1]?.at ?? nightMin;
    const ramp = step.ramp_s / 60;
    line.push([at, level]);
    const reached = ramp > 0 ? Math.min(1, (next - at) / ramp) : 1;
    const end = level + (step.level - level) * reached;
    line.push([Math.min(at + ramp, next), end]);
    level = end;
  });
  line.push([nightMin, level]);
  return line;
}

/** A new step between the last one and the morning. */
export function newStep(steps, sun) {
  const ordered = inOrder(steps, sun);
  const gaps = ordered.map(({ at }, number) => [(ordered[number + 1]?.at ?? sun.sunrise) - at, at]);
  const [gap, from] = gaps.filter(([, at]) => at >= sun.sunset - 60 && at < sun.sunrise).sort((a, b) => b[0] - a[0])[0] ?? [120, sun.sunset];
  return { anchor: "clock", time: clockAt(Math.round((from + gap / 2) / 15) * 15), offset_min: 0, level: 50, ramp_s: 0 };
}

/** What a new program begins as: lit from sunset to sunrise, dimmed in the deep of the night. */
export const firstSteps = () => [
  { anchor: "sunset", time: null, offset_min: 0, level: 100, ramp_s: 60 },
  { anchor: "clock", time: "23:00", offset_min: 0, level: 40, ramp_s: 60 },
  { anchor: "sunrise", time: null, offset_min: 0, level: 0, ramp_s: 60 },
];

/** The draft being edited, with undo; `changed` is called after every change. */
export class Draft {
  #past = [];

  constructor(changed) {
    this.changed = changed;
    this.open({ id: null, name: "", steps: firstSteps() });
  }

  open(program) {
    this.id = program.id;
    this.name = program.name;
    this.steps = structuredClone(program.steps);
    this.saved = this.id === null ? null : this.#print();
    this.#past = [];
    this.changed();
  }

  #print() {
    return JSON.stringify([this.name, this.steps]);
  }

  get dirty() {
    return this.saved !== this.#print();
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  /** Remembers where undo returns to. */
  mark() {
    const now = JSON.stringify(this.steps);
    if (this.#past.at(-1) !== now) this.#past.push(now);
    if (this.#past.length > 100) this.#past.shift();
  }

  undo() {
    const before = this.#past.pop();
    if (before) this.steps = JSON.parse(before);
    this.changed();
  }

  /** Replaces one step. */
  replace(index, step) {
    this.steps = this.steps.map((old, number) => (number === index ? step : old));
    this.changed();
  }

  add(step) {
    if (this.steps.length >= mostSteps) return;
    this.mark();
    this.steps = [...this.steps, step];
    this.changed();
  }

  remove(index) {
    this.mark();
    this.steps = this.steps.filter((_, number) => number !== index);
    this.changed();
  }

  /** Takes over what the server stored. */
  stored(program) {
    this.id = program.id;
    this.name = program.name;
    this.saved = this.#print();
    this.changed();
  }
}
