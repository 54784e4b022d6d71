// What a node is doing, from the registry's record of it: one state, one mark, one headline value.

import { cityNow } from "./clock.js";
import { quantity } from "./format.js";
import { hasTerm, term } from "./i18n.js";

export const kinds = ["streetlight", "smart_bin", "greenhouse", "reservoir", "control_cabinet"];
export const states = ["on", "off", "normal", "fault", "dark", "offline", "waiting"];

// The value a glance should catch, with its unit, by kind.
const headline = {
  streetlight: ["level_percent", "%"],
  smart_bin: ["fill_percent", "%"],
  greenhouse: ["air_temperature_c", "Cel"],
  reservoir: ["level_m", "m"],
  control_cabinet: ["power_w", "W"],
};

// A node that sleeps is missed once so many of its reports are.
const sleeps = 2.5;

/** City second of the next report of a node that sleeps now; null for one that does not. */
export function nextReport(node) {
  if (!node.sleep_s || !node.last_seen_s || isOverdue(node)) return null;
  return node.last_seen_s + node.sleep_s;
}

function isOverdue(node) {
  return cityNow() > node.last_seen_s + sleeps * node.sleep_s;
}

/** Whether a node can be counted on: it is connected, or asleep and not overdue. */
export function isReachable(node) {
  return node.sleep_s ? !isOverdue(node) : Boolean(node.online);
}

/** The state of a node; the first that is true wins. */
export function stateOf(node) {
  if (node.mains === false) return "dark";
  if (!node.last_seen_s) return "waiting";
  if (!isReachable(node)) return "offline";
  if (node.faults?.length) return "fault";
  if (node.kind !== "streetlight") return "normal";
  return (node.values?.level_percent ?? 0) > 0 ? "on" : "off";
}

export const stateName = (state) => term("state", state);
export const kindName = (kind) => term("kind", kind);
export const fieldName = (field) => term("field", field);
export const faultName = (fault) => term("fault", fault);

/** Why something was refused or failed, by its stable name; "update_x" is the node's name for x. */
export function reasonName(reason) {
  const inner = /^(?:update|desired)_(.+)$/.exec(reason)?.[1];
  return term("reason", inner && !hasTerm("reason", reason) ? inner : reason);
}

/** The headline value of a node as text, or a dash. */
export function headlineOf(node) {
  const [field, unit] = headline[node.kind] ?? [];
  // What a lamp without mains said last is not what it does now.
  if (node.kind === "streetlight" && stateOf(node) === "dark") return "–";
  return field ? quantity(node.values?.[field] ?? null, unit) : "–";
}

/** The state of a node in words, with its faults: for a reader who does not see the mark. */
export function describe(node) {
  const faults = node.faults?.length ? `: ${node.faults.map(faultName).join(", ")}` : "";
  return `${stateName(stateOf(node))}${faults}.`;
}
