// The marks of the nodes for the map's canvas: the same shapes as in the list, drawn from the page's
// own icon sprite, so that no image is fetched and a state is told by shape as well as by colour.

import { kinds, states } from "../core/states.js";

const ratio = 2;
const sizes = { streetlight: 20, other: 30 };

/** The colour that a design token has in the chosen theme, as the canvas understands it. */
export function tokenColor(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

function outline(context, state, size) {
  const middle = size / 2;
  const radius = size * 0.34;
  context.beginPath();
  if (state === "fault") {
    context.moveTo(middle, size * 0.12);
    context.lineTo(size * 0.9, size * 0.82);
    context.lineTo(size * 0.1, size * 0.82);
    context.closePath();
  } else if (state === "dark") {
    context.roundRect(size * 0.16, size * 0.16, size * 0.68, size * 0.68, size * 0.1);
  } else context.arc(middle, middle, radius, 0, Math.PI * 2);
}

function pictogram(context, name, size, color, scale) {
  const symbol = document.getElementById(`i-${name}`);
  context.save();
  context.translate(size / 2, size / 2);
  context.scale((size * scale) / 24, (size * scale) / 24);
  context.translate(-12, -12);
  context.strokeStyle = color;
  context.lineWidth = 2.4;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const path of symbol.querySelectorAll("path")) context.stroke(new Path2D(path.getAttribute("d")));
  context.restore();
}

function draw(kind, state, colors) {
  const size = (kind === "streetlight" ? sizes.streetlight : sizes.other) * ratio;
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d");
  const color = colors[state];
  const hollow = state === "off" || state === "offline" || state === "waiting";
  outline(context, state, size);
  context.fillStyle = hollow || kind !== "streetlight" ? colors.panel : color;
  context.fill();
  context.strokeStyle = color;
  context.lineWidth = size * (hollow ? 0.1 : 0.075);
  if (state === "offline") context.setLineDash([size * 0.14, size * 0.11]);
  if (state === "waiting") context.setLineDash([size * 0.03, size * 0.11]);
  context.lineCap = "round";
  context.stroke();
  context.setLineDash([]);
  if (kind !== "streetlight") pictogram(context, `kind-${kind}`, size, color, state === "fault" ? 0.36 : 0.46);
  else if (state === "dark") pictogram(context, "bolt", size, colors.panel, 0.62);
  else if (state === "fault") pictogram(context, "bang", size, colors.panel, 0.6);
  return context.getImageData(0, 0, size, size);
}

/** Puts (or puts anew, after a change of theme) every mark into the map as `<kind>-<state>`. */
export function addMarks(map) {
  const colors = Object.fromEntries(states.map((state) => [state, tokenColor(state === "waiting" ? "off" : state)]));
  colors.panel = tokenColor("panel");
  for (const kind of kinds) {
    for (const state of states) {
      const name = `${kind}-${state}`;
      if (map.hasImage(name)) map.updateImage(name, draw(kind, state, colors));
      else map.addImage(name, draw(kind, state, colors), { pixelRatio: ratio });
    }
  }
}
