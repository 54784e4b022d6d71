// Names on the map, as HTML that stands at a place: cabinets, cities, islands.

import { h, icon, write } from "../core/dom.js";
import { t, tn } from "../core/i18n.js";

// The two archipelagos bear their Vietnamese names in every language of the screens.
const islands = [
  { name: "Quần đảo Hoàng Sa (Việt Nam)", at: [111.9, 16.5] },
  { name: "Quần đảo Trường Sa (Việt Nam)", at: [113.9, 9.9] },
];

const cabinetsFromZoom = 12.5;
const tipPx = 6;
const streetsFromZoom = 14.5;
const islandsToZoom = 9;

/** The labels of one map; `streets` are {name, at}; `onCity` and `onCabinet` are called with what was pressed. */
export function addLabels(maplibre, map, { cities, cabinets, streets, onCity, onCabinet }) {
  const islandMarks = islands.map(({ name, at }) => mark(maplibre, map, h("span", { class: "map-island" }, name), at));
  const cityMarks = cities.map((city) => {
    const count = h("b");
    const button = h("button", { class: "map-city", type: "button", onclick: pressed(onCity, city) }, h("span", {}, city.name), count);
    return { city, count, button, shown: mark(maplibre, map, button, city.at) };
  });
  const cabinetMarks = cabinets.map((cabinet) => {
    const count = h("b");
    const button = h("button", { class: "map-cabinet", type: "button", onclick: pressed(onCabinet, cabinet) },
      icon("cabinet"), h("span", {}, cabinet.name), count);
    return { cabinet, count, button, shown: mark(maplibre, map, button, [cabinet.lon, cabinet.lat], { anchor: "bottom", offset: [0, -tipPx] }) };
  });

  const streetMarks = streets.map(({ name, at }) => mark(maplibre, map, h("span", { class: "map-street" }, name), at));

  function place() {
    const zoom = map.getZoom();
    for (const { button } of cityMarks) button.hidden = zoom >= cabinetsFromZoom;
    for (const { button } of cabinetMarks) button.hidden = zoom < cabinetsFromZoom;
    for (const marker of streetMarks) marker.getElement().hidden = zoom < streetsFromZoom;
    for (const marker of islandMarks) marker.getElement().hidden = zoom >= islandsToZoom;
  }

  /** Writes the counts; `troubled(nodes)` counts those that need a look. */
  function update(nodesOfCity, nodesOfCabinet, troubled) {
    for (const { city, count, button } of cityMarks) {
      const nodes = nodesOfCity(city);
      const bad = troubled(nodes);
      write(count, `${nodes.length - bad}/${nodes.length}`);
      button.classList.toggle("is-troubled", bad > 0);
      button.title = bad ? tn("%(count)s node needs attention", "%(count)s nodes need attention", bad) : t("All in order");
    }
    for (const { cabinet, count, button } of cabinetMarks) {
      const nodes = nodesOfCabinet(cabinet);
      const bad = troubled(nodes);
      write(count, `${nodes.length - bad}/${nodes.length}`);
      button.classList.toggle("is-troubled", bad > 0);
    }
  }

  map.on("zoom", place);
  place();
  return { update };
}

/** A press on a label is not a press on the map beneath it. */
function pressed(action, object) {
  return (event) => {
    event.stopPropagation();
    action(object);
  };
}

function mark(maplibre, map, element, at, options = { anchor: "center" }) {
  return new maplibre.Marker({ element, ...options }).setLngLat(at).addTo(map);
}
