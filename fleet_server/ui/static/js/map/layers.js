// What the map is painted with: land, a grid, streets, feeders, glow and marks. All from our own
// data; the style names no outside source, no sprite and no glyphs.

import { collection } from "./geometry.js";
import { tokenColor } from "./marks.js";

const empty = collection([]);
const byZoom = (...stops) => ["interpolate", ["exponential", 1.6], ["zoom"], ...stops];

/** The style in the colours of the chosen theme. */
export function style() {
  const source = (data = empty) => ({ type: "geojson", data });
  return {
    version: 8,
    sources: { grid: source(), streets: source(), feeders: source(), nodes: source() },
    layers: [
      { id: "land", type: "background", paint: { "background-color": tokenColor("map-land") } },
      { id: "grid", type: "line", source: "grid", paint: { "line-color": tokenColor("map-grid"), "line-width": 1 } },
      street("street-edge", "map-street-edge", [10, 2, 14, 7, 17, 30, 19, 72]),
      street("street", "map-street", [10, 1, 14, 5, 17, 27, 19, 68]),
      feeders(),
      glow(),
      chosen(),
      marks(),
    ],
  };
}

/** Colours anew after a change of theme. */
export function recolor(map) {
  const paints = {
    land: ["background-color", "map-land"], grid: ["line-color", "map-grid"],
    "street-edge": ["line-color", "map-street-edge"], street: ["line-color", "map-street"],
    glow: ["circle-color", "on"], chosen: ["circle-stroke-color", "accent"],
  };
  for (const [layer, [property, token]] of Object.entries(paints)) {
    map.setPaintProperty(layer, property, tokenColor(token));
  }
  map.setPaintProperty("feeders", "line-color", feederColor());
}

function street(id, token, stops) {
  return {
    id, type: "line", source: "streets", layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": tokenColor(token), "line-width": byZoom(...stops) },
  };
}

const feederColor = () => ["case", ["get", "cut"], tokenColor("map-feeder-cut"), tokenColor("map-feeder")];

function feeders() {
  return {
    id: "feeders", type: "line", source: "feeders", minzoom: 12,
    layout: { "line-cap": "round", "line-join": "round" },
    paint: {
      "line-color": feederColor(),
      "line-width": byZoom(12, 0.8, 17, 2),
      "line-dasharray": ["case", ["get", "cut"], ["literal", [1, 2.5]], ["literal", [1, 0]]],
    },
  };
}

function glow() {
  return {
    id: "glow", type: "circle", source: "nodes", filter: ["==", ["get", "state"], "on"],
    paint: {
      "circle-color": tokenColor("on"),
      "circle-radius": byZoom(11, ["*", 0.07, ["get", "level"]], 15, ["+", 7, ["*", 0.16, ["get", "level"]]], 19, ["+", 22, ["*", 0.6, ["get", "level"]]]),
      "circle-blur": 1,
      "circle-opacity": ["+", 0.12, ["*", 0.0055, ["get", "level"]]],
    },
  };
}

function chosen() {
  return {
    id: "chosen", type: "circle", source: "nodes", filter: ["==", ["get", "id"], ""],
    paint: {
      "circle-radius": byZoom(11, 9, 16, 15, 19, 20), "circle-color": "transparent",
      "circle-stroke-color": tokenColor("accent"), "circle-stroke-width": 2.5,
    },
  };
}

function marks() {
  return {
    id: "marks", type: "symbol", source: "nodes",
    layout: {
      "icon-image": ["concat", ["get", "kind"], "-", ["get", "state"]],
      "icon-size": byZoom(9, 0.45, 13, 0.6, 16, 1, 19, 1.35),
      "icon-allow-overlap": true, "icon-ignore-placement": true,
      "symbol-sort-key": ["get", "rank"],
    },
  };
}
