// The small card that opens over a node or a cabinet on the map.

import { realAge } from "../core/clock.js";
import { h, icon } from "../core/dom.js";
import { age, moment, reading } from "../core/format.js";
import { t } from "../core/i18n.js";
import { faultName, fieldName, kindName, nextReport, stateName, stateOf } from "../core/states.js";

const keyFields = {
  streetlight: [["level_percent", "%"], ["lamp_power_w", "W"], ["mains_voltage_v", "V"]],
  smart_bin: [["fill_percent", "%"], ["temperature_c", "Cel"], ["battery_v", "V"]],
  greenhouse: [["air_temperature_c", "Cel"], ["relative_humidity_percent", "%RH"], ["co2_ppm", "ppm"]],
  reservoir: [["level_m", "m"], ["rate_of_rise_m_per_h", "m/h"], ["rain_mm", "mm"]],
  control_cabinet: [["power_w", "W"], ["contactors_closed", ""], ["breakers_tripped", ""]],
};

/** A state as mark and word. */
export function stateLine(state) {
  return h("span", { class: "state" }, icon(`state-${state}`, `mark mark--${state}`), stateName(state));
}

/** The card of a node. */
export function nodeCard(node) {
  const values = (keyFields[node.kind] ?? []).map(([field, unit]) => [
    h("dt", {}, fieldName(field)), h("dd", {}, reading(field, node.values?.[field] ?? null, unit)),
  ]);
  return h("div", { class: "map-card" },
    h("strong", {}, node.name || node.id),
    h("p", { class: "soft" }, [kindName(node.kind), node.address].filter(Boolean).join(" · ")),
    h("p", { class: "map-card__state" }, stateLine(stateOf(node)), h("span", { class: "soft" }, age(realAge(node.last_seen_s)))),
    nextReport(node) === null ? null : h("p", { class: "soft" }, t("asleep, next report at %(when)s", { when: moment(nextReport(node)) })),
    node.faults?.length ? h("p", { class: "badge badge--warn badge--wrap" }, node.faults.map(faultName).join(", ")) : null,
    h("dl", { class: "map-card__values" }, values),
    h("a", { class: "button button--main", href: `/nodes/${encodeURIComponent(node.id)}` }, t("Open node")),
  );
}

/** The card of a cabinet: its feeders and how many of their nodes have mains. */
export function cabinetCard(cabinet, nodeOf) {
  return h("div", { class: "map-card" },
    h("strong", {}, cabinet.name),
    h("p", { class: "soft" }, t("Control cabinet")),
    h("ul", { class: "map-card__feeders" }, cabinet.feeders.map((feeder) => {
      const nodes = feeder.nodes.map(nodeOf).filter(Boolean);
      const dark = nodes.filter((node) => stateOf(node) === "dark").length;
      return h("li", {},
        h("span", {}, icon(dark ? "state-dark" : "state-normal", `mark mark--${dark ? "dark" : "normal"}`), feeder.name,
          feeder.phase ? h("span", { class: "soft" }, ` ${feeder.phase}`) : null),
        h("b", {}, t("%(live)s of %(all)s have mains", { live: nodes.length - dark, all: nodes.length })));
    })),
  );
}
