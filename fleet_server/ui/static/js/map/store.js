// The nodes and the topology of the city as the map page knows them, and which of them are shown.

import { plain } from "../core/format.js";
import { t } from "../core/i18n.js";
import { kindName, stateName, stateOf } from "../core/states.js";

const trouble = new Set(["fault", "dark", "offline"]);

export class Store {
  nodes = new Map();
  topology = { zones: [], cabinets: [] };
  filter = { kind: "", state: "", q: "" };
  #search = new Map();

  /** Takes a whole answer of the server. */
  load(nodes, topology) {
    this.nodes = new Map(nodes.map((node) => [node.id, node]));
    this.topology = topology;
    this.#search.clear();
  }

  /** Takes over what changed; nodes that are new make `true` (the topology must be read anew). */
  merge(changed) {
    let fresh = false;
    for (const node of changed) {
      const known = this.nodes.get(node.id);
      fresh ||= !known;
      this.nodes.set(node.id, { ...known, ...node });
    }
    return fresh;
  }

  #text(node) {
    if (!this.#search.has(node.id)) {
      const parts = [node.id, node.name, node.address, kindName(node.kind), node.zone, node.feeder];
      this.#search.set(node.id, plain(parts.filter(Boolean).join(" ")));
    }
    return this.#search.get(node.id);
  }

  /** Whether a node passes the filter; every word of the search must stand somewhere. */
  passes = (node, filter = this.filter) => {
    if (filter.kind && node.kind !== filter.kind) return false;
    const state = stateOf(node);
    if (filter.state === "trouble" ? !trouble.has(state) : filter.state && state !== filter.state) return false;
    const words = plain(filter.q).split(/\s+/).filter(Boolean);
    return words.every((word) => this.#text(node).includes(word) || plain(stateName(state)).includes(word));
  };

  shown = () => [...this.nodes.values()].filter((node) => this.passes(node));
  troubled = (nodes) => nodes.filter((node) => trouble.has(stateOf(node))).length;

  /** The zones that have nodes, each with its middle and its name, most nodes first. */
  cities = () => {
    const byZone = Map.groupBy(this.nodes.values(), (node) => node.zone ?? "");
    return [...byZone].map(([id, nodes]) => {
      const zone = this.topology.zones.find((each) => each.id === id);
      // The lamps tell where the town is; a far reservoir must not pull the name into the hills.
      const lamps = nodes.filter((node) => node.kind === "streetlight");
      const from = lamps.length ? lamps : nodes;
      const mean = (key) => from.reduce((sum, node) => sum + node[key], 0) / from.length;
      return { id, name: zone?.name ?? (id || t("No zone")), at: [mean("lon"), mean("lat")], count: nodes.length };
    }).sort((a, b) => b.count - a.count || a.name.localeCompare(b.name, "vi"));
  };

  nodesOf = (city) => [...this.nodes.values()].filter((node) => (node.zone ?? "") === city.id);
  nodesUnder = (cabinet) => cabinet.feeders.flatMap((feeder) => feeder.nodes).map((id) => this.nodes.get(id)).filter(Boolean);

  /** The shown nodes under headings: zone by zone, each feeder, then what has none, by kind. */
  groups = () => {
    const zones = new Map(this.topology.zones.map((zone) => [zone.id, zone.name]));
    const feeders = new Map(this.topology.cabinets.flatMap((cabinet) => cabinet.feeders.map((feeder) => [feeder.id, feeder.name])));
    // A character that sorts behind every letter puts the kinds below the feeders.
    const place = (node) => feeders.get(node.feeder) ?? `\uffff${kindName(node.kind)}`;
    const heading = (node) => (node.zone ? `${zones.get(node.zone) ?? node.zone} · ${place(node)}` : place(node));
    const sorted = this.shown().sort((a, b) => heading(a).localeCompare(heading(b), "vi") || a.id.localeCompare(b.id));
    return [...Map.groupBy(sorted, heading)].map(([name, nodes]) => ({ name: name.replace("\uffff", ""), nodes }));
  };

  /** How many nodes each value of a filter key would show with the other keys as they are. */
  counts = (key, values) => new Map(values.map((value) => {
    const filter = { ...this.filter, [key]: value };
    return [value, [...this.nodes.values()].filter((node) => this.passes(node, filter)).length];
  }));
}
