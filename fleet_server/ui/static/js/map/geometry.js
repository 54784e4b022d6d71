// Lines for the map, made from where the cabinets and lamps stand.

const metresPerDegree = 111320;
const streetOverhangM = 70;

function metres(a, b) {
  const x = (b[0] - a[0]) * Math.cos((a[1] * Math.PI) / 180);
  return Math.hypot(x, b[1] - a[1]) * metresPerDegree;
}

/** The order in which a cable from `start` reaches the points: always on to the nearest one left. */
export function chain(start, points) {
  const left = [...points];
  const line = [];
  let here = start;
  while (left.length) {
    let best = 0;
    for (let i = 1; i < left.length; i += 1) {
      if (metres(here, left[i]) < metres(here, left[best])) best = i;
    }
    [here] = left.splice(best, 1);
    line.push(here);
  }
  return line;
}

/** A line that runs on past both of its ends, as a street does past its last lamp. */
export function extended(line) {
  if (line.length < 2) return line;
  const beyond = (from, to) => {
    const factor = streetOverhangM / Math.max(1, metres(from, to));
    return [to[0] + (to[0] - from[0]) * factor, to[1] + (to[1] - from[1]) * factor];
  };
  return [beyond(line[1], line[0]), ...line, beyond(line.at(-2), line.at(-1))];
}

/** The box around points as [[west, south], [east, north]]. */
export function bounds(points) {
  const x = points.map((point) => point[0]);
  const y = points.map((point) => point[1]);
  return [[Math.min(...x), Math.min(...y)], [Math.max(...x), Math.max(...y)]];
}

export function feature(id, geometry, properties) {
  return { type: "Feature", id, geometry, properties };
}

export const lineString = (coordinates) => ({ type: "LineString", coordinates });
export const point = (coordinates) => ({ type: "Point", coordinates });
export const collection = (features) => ({ type: "FeatureCollection", features });

// A grid of round distances gives the empty land a scale; at most this many lines each way.
const gridSteps = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const gridLines = 24;

/** Parallels and meridians inside a box [[west, south], [east, north]]. */
export function grid([[west, south], [east, north]]) {
  const span = Math.max(east - west, north - south);
  const step = gridSteps.findLast((size) => span / size <= gridLines) ?? gridSteps[0];
  const lines = [];
  for (let x = Math.floor(west / step) * step; x <= east; x += step) {
    lines.push(feature(undefined, lineString([[x, south], [x, north]]), {}));
  }
  for (let y = Math.floor(south / step) * step; y <= north; y += step) {
    lines.push(feature(undefined, lineString([[west, y], [east, y]]), {}));
  }
  return collection(lines);
}
