// The night axis: noon to noon, the level as a line, each step a handle for mouse, finger and keys.

import { fill, h } from "../core/dom.js";
import { t, term } from "../core/i18n.js";
import { clockAt, curve, inOrder, movedTo, nightMin, timeText } from "./model.js";

const height = 240;
const edge = { left: 44, right: 14, top: 30, bottom: 26 };
const keySteps = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] };

function sky(sun, x, top, bottom) {
  const stop = (place, token) => {
    const node = h("stop", { offset: `${(100 * place) / nightMin}%` });
    node.style.stopColor = `var(--${token})`;
    return node;
  };
  return [
    h("defs", {}, h("linearGradient", { id: "sky" },
      stop(0, "night-day"), stop(sun.sunset - 50, "night-day"), stop(sun.sunset + 5, "night-dusk"), stop(sun.sunset + 60, "night-deep"),
      stop(sun.sunrise - 60, "night-deep"), stop(sun.sunrise - 5, "night-dusk"), stop(sun.sunrise + 50, "night-day"), stop(nightMin, "night-day"))),
    h("rect", { x: x(0), y: top, width: x(nightMin) - x(0), height: bottom - top, fill: "url(#sky)", rx: 4 }),
  ];
}

/** The axis in `svg` over a Draft; `sun` gives {sunset, sunrise}, `nowPlace` the place of the city's now. */
export class Axis {
  constructor(svg, draft, sun, nowPlace) {
    Object.assign(this, { svg, draft, sun, nowPlace, held: null, chosen: -1 });
    new ResizeObserver(() => this.draw()).observe(svg);
    svg.addEventListener("pointerdown", (event) => this.#take(event));
    svg.addEventListener("pointermove", (event) => this.#drag(event));
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => { this.held = null; });
    svg.addEventListener("keydown", (event) => this.#key(event));
    svg.addEventListener("focusin", (event) => this.onChoose?.(this.#indexOf(event.target)));
  }

  #scales() {
    const width = Math.max(280, this.svg.clientWidth);
    const right = width - edge.right;
    return {
      width,
      x: (place) => edge.left + ((right - edge.left) * place) / nightMin,
      y: (level) => height - edge.bottom - ((height - edge.top - edge.bottom) * level) / 100,
      place: (x) => ((x - edge.left) / (right - edge.left)) * nightMin,
      level: (y) => ((height - edge.bottom - y) / (height - edge.top - edge.bottom)) * 100,
    };
  }

  draw() {
    const focused = this.#indexOf(document.activeElement);
    const { width, x, y } = this.#scales();
    const sun = this.sun();
    const bottom = height - edge.bottom;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const line = curve(this.draft.steps, sun).map(([place, level]) => `${x(place).toFixed(1)},${y(level).toFixed(1)}`).join(" ");
    fill(this.svg,
      sky(sun, x, edge.top, bottom), this.#hours(x, bottom, width), this.#levels(x, y),
      h("polygon", { class: "axis__area", points: `${x(0)},${bottom} ${line} ${x(nightMin)},${bottom}` }),
      h("polyline", { class: "axis__line", points: line }),
      this.#sunMarks(sun, x, bottom), this.#nowMark(x, bottom),
      inOrder(this.draft.steps, sun).map((each) => this.#handle(each, x, y)));
    if (focused >= 0) this.svg.querySelector(`[data-step="${focused}"]`)?.focus();
  }

  #hours(x, bottom, width) {
    const every = width < 520 ? 4 : width < 800 ? 2 : 1;
    return Array.from({ length: 25 }, (_, hour) => hour).filter((hour) => hour % every === 0).map((hour) => [
      h("line", { class: "axis__grid", x1: x(hour * 60), x2: x(hour * 60), y1: edge.top, y2: bottom }),
      h("text", { class: "axis__label", x: x(hour * 60), y: bottom + 17, "text-anchor": "middle" }, clockAt(hour * 60).slice(0, 2)),
    ]);
  }

  #levels(x, y) {
    return [0, 50, 100].map((level) => [
      h("line", { class: "axis__grid", x1: x(0), x2: x(nightMin), y1: y(level), y2: y(level) }),
      h("text", { class: "axis__label", x: x(0) - 8, y: y(level) + 4, "text-anchor": "end" }, `${level}%`),
    ]);
  }

  #sunMarks(sun, x, bottom) {
    return ["sunset", "sunrise"].map((name) => h("g", { class: "axis__sun" },
      h("line", { x1: x(sun[name]), x2: x(sun[name]), y1: edge.top - 6, y2: bottom }),
      h("text", { x: x(sun[name]), y: edge.top - 12, "text-anchor": "middle" }, `${term("anchor", name)} ${clockAt(sun[name])}`)));
  }

  #nowMark(x, bottom) {
    const at = x(this.nowPlace());
    return h("line", { class: "axis__now", x1: at, x2: at, y1: edge.top, y2: bottom });
  }

  /** Moves the mark of the present moment; everything else stays as it was drawn. */
  tick() {
    const mark = this.svg.querySelector(".axis__now");
    const at = this.#scales().x(this.nowPlace());
    for (const end of ["x1", "x2"]) mark?.setAttribute(end, at);
  }

  #handle({ step, index, at }, x, y) {
    return h("g", {
      class: `axis__step${index === this.chosen ? " is-chosen" : ""}`, tabindex: 0, role: "slider", "data-step": index,
      "aria-label": t("Step %(number)s", { number: index + 1 }), "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": step.level,
      "aria-valuetext": describeStep(step, at), transform: `translate(${x(at).toFixed(1)} ${y(step.level).toFixed(1)})`,
    }, h("circle", { class: "axis__touch", r: 22 }), h("circle", { class: "axis__knob", r: 8 }),
    step.anchor === "clock" ? null : h("circle", { class: "axis__anchor", r: 3 }));
  }

  #indexOf(target) {
    const group = target?.closest?.("[data-step]");
    return group && this.svg.contains(group) ? Number(group.dataset.step) : -1;
  }

  #point(event) {
    const box = this.svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #take(event) {
    const index = this.#indexOf(event.target);
    if (index < 0) return;
    event.preventDefault();
    this.held = index;
    this.draft.mark();
    this.svg.setPointerCapture(event.pointerId);
    this.svg.querySelector(`[data-step="${index}"]`).focus();
  }

  #drag(event) {
    if (this.held === null) return;
    const [px, py] = this.#point(event);
    const { place, level } = this.#scales();
    const old = this.draft.steps[this.held];
    const moved = movedTo(old, Math.round(place(px) / 5) * 5, this.sun());
    this.draft.replace(this.held, { ...moved, level: Math.max(0, Math.min(100, Math.round(level(py) / 5) * 5)) });
  }

  #key(event) {
    const index = this.#indexOf(event.target);
    if (index < 0) return;
    if (event.key === "Delete") {
      event.preventDefault();
      this.draft.remove(index);
      return;
    }
    const change = keySteps[event.key];
    if (!change) return;
    event.preventDefault();
    const fine = event.shiftKey ? 5 : 1;
    const step = this.draft.steps[index];
    const at = inOrder(this.draft.steps, this.sun()).find((each) => each.index === index).at;
    this.draft.mark();
    const moved = change[0] ? movedTo(step, at + change[0] / fine, this.sun()) : step;
    this.draft.replace(index, { ...moved, level: Math.max(0, Math.min(100, step.level + change[1] / fine)) });
  }
}

/** A step in words: "23:00, 40 %". */
export function describeStep(step, at) {
  const when = step.anchor === "clock" ? timeText(at + 720) : `${term("anchor", step.anchor)} ${offsetText(step.offset_min)} (${clockAt(at)})`;
  return `${when}, ${step.level}%`;
}

/** "+30 min", or nothing when there is no offset. */
export function offsetText(minutes) {
  if (!minutes) return "";
  const sign = minutes > 0 ? "+" : "−";
  return sign + t("%(n)s min", { n: Math.abs(minutes) });
}

