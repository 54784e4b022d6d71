// The map itself: MapLibre GL over our own data. Without WebGL it never starts and says so.

import { eachFrame } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { stateOf } from "../core/states.js";
import { bounds, chain, collection, extended, feature, grid, lineString, point } from "./geometry.js";
import { addLabels } from "./labels.js";
import { recolor, style } from "./layers.js";
import { addMarks } from "./marks.js";
import { cabinetCard, nodeCard } from "./popup.js";

const rank = { off: 0, normal: 1, on: 2, waiting: 3, offline: 4, fault: 5, dark: 6 };
const placeKey = "cityfleet.map";
const streetZoom = 16.2;
// A finger is less exact than a mouse: what lies this near was meant.
const reachPx = 12;

/** Whether this browser can draw the map. */
export function canDraw() {
  return Boolean(document.createElement("canvas").getContext("webgl2"));
}

/**
 * Starts the map in `element` and gives {show, select, visit, theme}.
 *
 * @param store the page's nodes, topology and cities
 * @param onSelect called with the id of a node that was pressed, or null
 */
export async function startMap(element, store, onSelect) {
  const maplibre = await import(element.dataset.maplibre);
  const map = new maplibre.Map({
    container: element, style: style(), attributionControl: false, ...startPlace(store, element),
    maxZoom: 19.5, minZoom: 3.5, dragRotate: false, pitchWithRotate: false, touchPitch: false,
    fadeDuration: 0, locale: words(),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new maplibre.NavigationControl({ showCompass: false }), "bottom-right");
  map.addControl(new maplibre.ScaleControl({ maxWidth: 110, unit: "metric" }), "bottom-left");
  await map.once("load");

  addMarks(map);
  drawStreets(map, store);
  const popup = new maplibre.Popup({ maxWidth: "19rem", offset: 14, focusAfterOpen: false, closeOnClick: false });
  const labels = addLabels(maplibre, map, {
    cities: store.cities(), cabinets: store.topology.cabinets, streets: streetNames(store),
    onCity: visit,
    onCabinet: (cabinet) => openCard([cabinet.lon, cabinet.lat], cabinetCard(cabinet, (id) => store.nodes.get(id))),
  });

  let card = null;
  let open = null;

  function openCard(at, made) {
    card = made;
    open = null;
    popup.setLngLat(at).setDOMContent(card).addTo(map);
  }

  /** News of the open node go into the card that is there: its focus and its close button stay. */
  function refreshCard() {
    const fresh = nodeCard(store.nodes.get(open));
    if (fresh.textContent === card.textContent) return;
    const focused = card.contains(document.activeElement);
    card.replaceChildren(...fresh.children);
    if (focused) card.querySelector("a").focus();
  }

  function visit(city) {
    const points = store.nodesOf(city).filter((node) => node.kind === "streetlight").map((node) => [node.lon, node.lat]);
    map.fitBounds(bounds(points.length ? points : [city.at]), { ...room(element), duration: 700 });
  }

  const putNodes = onlyNew(map, "nodes");
  const putFeeders = onlyNew(map, "feeders");
  const drawGrid = eachFrame(() => map.getSource("grid").setData(grid(map.getBounds().toArray())));
  map.on("moveend", () => {
    drawGrid();
    rememberPlace(map);
  });
  drawGrid();

  map.on("click", (event) => {
    const [pressed] = map.queryRenderedFeatures(around(event.point), { layers: ["marks"] });
    if (pressed) onSelect(pressed.properties.id, true);
    else popup.remove();
  });
  map.on("mouseenter", "marks", () => map.getCanvas().classList.add("is-over"));
  map.on("mouseleave", "marks", () => map.getCanvas().classList.remove("is-over"));
  popup.on("close", () => {
    map.setFilter("chosen", ["==", ["get", "id"], ""]);
    open = null;
  });

  return {
    visit,
    /** Draws the nodes that pass the filter. */
    show: eachFrame(() => {
      putNodes(store.shown().map(nodeFeature));
      putFeeders(feederLines(store).map(feederFeature));
      labels.update(store.nodesOf, store.nodesUnder, store.troubled);
      if (open && store.nodes.has(open)) refreshCard();
    }),
    /** Rings a node and opens its card; flies there unless it was pressed on the map itself. */
    select(node, here) {
      const at = [node.lon, node.lat];
      openCard(at, nodeCard(node));
      open = node.id;
      map.setFilter("chosen", ["==", ["get", "id"], node.id]);
      if (!here) map.easeTo({ center: at, zoom: Math.max(map.getZoom(), streetZoom), duration: 500 });
    },
    theme() {
      addMarks(map);
      recolor(map);
    },
    map,
  };
}

function around({ x, y }) {
  return [[x - reachPx, y - reachPx], [x + reachPx, y + reachPx]];
}

function words() {
  return {
    "Map.Title": t("Map of the nodes"), "NavigationControl.ZoomIn": t("Zoom in"),
    "NavigationControl.ZoomOut": t("Zoom out"), "Popup.Close": t("Close"),
    "Marker.Title": t("Place on the map"), "ScaleControl.Meters": "m", "ScaleControl.Kilometers": "km",
  };
}

/** How points fill the map: with a margin for the names at the ends of streets. */
function room(element) {
  return { padding: Math.min(90, element.clientWidth * 0.12), maxZoom: 17 };
}

function startPlace(store, element) {
  const kept = JSON.parse(sessionStorage.getItem(placeKey) ?? "null");
  if (kept) return kept;
  const [first] = store.cities();
  const lamps = first ? store.nodesOf(first).filter((node) => node.kind === "streetlight") : [];
  const points = (lamps.length ? lamps : [...store.nodes.values()]).map((node) => [node.lon, node.lat]);
  if (!points.length) return { center: [108.2, 13.0], zoom: 6 };
  return { bounds: bounds(points), fitBoundsOptions: room(element) };
}

function rememberPlace(map) {
  const { lng, lat } = map.getCenter();
  sessionStorage.setItem(placeKey, JSON.stringify({ center: [lng, lat], zoom: map.getZoom() }));
}

function nodeFeature(node) {
  const state = stateOf(node);
  return feature(undefined, point([node.lon, node.lat]), {
    id: node.id, kind: node.kind, state, level: node.values?.level_percent ?? 0, rank: rank[state] ?? 0,
  });
}

function feederLines(store) {
  return store.topology.cabinets.flatMap((cabinet) => cabinet.feeders.map((feeder) => {
    const nodes = feeder.nodes.map((id) => store.nodes.get(id)).filter(Boolean);
    const start = [cabinet.lon, cabinet.lat];
    return { feeder, nodes, start, line: chain(start, nodes.map((node) => [node.lon, node.lat])) };
  })).filter(({ line }) => line.length);
}

/** A street's name stands where the street drawn for a feeder ends. */
function streetNames(store) {
  return feederLines(store).map(({ feeder, line }) => ({ name: feeder.name, at: extended(line).at(-1) }));
}

function drawStreets(map, store) {
  map.getSource("streets").setData(collection(feederLines(store).map(({ feeder, line }) =>
    feature(undefined, lineString(extended(line)), { id: feeder.id }))));
}

function feederFeature({ feeder, nodes, start, line }) {
  return feature(undefined, lineString([start, ...line]), {
    id: feeder.id, cut: nodes.every((node) => stateOf(node) === "dark"),
  });
}

/** Hands features to a source of the map only when they differ: an unchanged map rests. */
function onlyNew(map, source) {
  let drawn = "";
  return (features) => {
    const print = JSON.stringify(features);
    if (print === drawn) return;
    drawn = print;
    map.getSource(source).setData(collection(features));
  };
}
