// The list beside the map: the same nodes, the same filter, usable without any map.

import { realAge } from "../core/clock.js";
import { h, icon, reconcile, write } from "../core/dom.js";
import { age } from "../core/format.js";
import { t } from "../core/i18n.js";
import { describe, headlineOf, stateOf } from "../core/states.js";

function makeRow(onSelect) {
  return (item) => item.heading ? makeHeading(item) : makeNode(item.node, onSelect);
}

function makeHeading() {
  return h("li", { class: "node-heading" }, h("h3", {}), h("span", { class: "soft" }));
}

function makeNode(node, onSelect) {
  return h("li", { class: "node-row" },
    h("button", { class: "node-row__main", type: "button", onclick: () => onSelect(node.id) },
      h("span", { class: "node-row__mark" }, h("svg", { class: "mark", "aria-hidden": "true" }, h("use")), h("span", { class: "visually-hidden" })),
      h("span", { class: "node-row__names" }, h("span", { class: "node-row__name" }), h("small", { class: "soft" })),
      h("span", { class: "node-row__value" }),
      h("small", { class: "node-row__age soft" })),
    h("a", { class: "node-row__open", href: `/nodes/${encodeURIComponent(node.id)}` }, icon("open"),
      h("span", { class: "visually-hidden" }, t("Open %(name)s", { name: node.name || node.id }))));
}

function updateRow(selected) {
  return (row, item) => {
    if (item.heading) {
      write(row.querySelector("h3"), item.heading);
      write(row.querySelector("span"), item.summary);
      return;
    }
    const { node } = item;
    const state = stateOf(node);
    if (row.dataset.state !== state) {
      row.dataset.state = state;
      row.querySelector("use").setAttribute("href", `#i-state-${state}`);
      row.querySelector(".mark").setAttribute("class", `mark mark--${state}`);
    }
    write(row.querySelector(".node-row__name"), node.name || node.id);
    write(row.querySelector(".node-row__names small"), node.address || node.id);
    write(row.querySelector(".node-row__value"), headlineOf(node));
    write(row.querySelector(".node-row__age"), node.last_seen_s ? age(realAge(node.last_seen_s)) : "–");
    write(row.querySelector(".visually-hidden"), describe(node));
    row.querySelector(".node-row__main").setAttribute("aria-pressed", String(node.id === selected));
  };
}

/** Shows `groups` ([{name, nodes}]) in `list`; rows that stay keep their focus. */
export function showList(list, groups, selected, onSelect) {
  const items = groups.flatMap(({ name, nodes }) => [
    { key: `heading ${name}`, heading: name, summary: summary(nodes) },
    ...nodes.map((node) => ({ key: node.id, node })),
  ]);
  reconcile(list, items, (item) => item.key, makeRow(onSelect), updateRow(selected));
}

function summary(nodes) {
  const lit = nodes.filter((node) => stateOf(node) === "on").length;
  const lamps = nodes.filter((node) => node.kind === "streetlight").length;
  return lamps ? t("%(lit)s of %(all)s lit", { lit, all: lamps }) : String(nodes.length);
}
