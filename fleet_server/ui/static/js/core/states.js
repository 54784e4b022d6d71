// What a node is doing, from the registry's record of it: one state, one mark, one headline value.

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

/** The state of a node; the first that is true wins. */
export function stateOf(node) {
  if (node.mains === false) return "dark";
  if (!node.last_seen_s) return "waiting";
  if (!node.online) return "offline";
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
