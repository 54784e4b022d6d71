// The alarm desk: active first, one alarm for each cause, with its evidence; acknowledged with a note.

import { get, post, query } from "../core/api.js";
import { systemNow } from "../core/clock.js";
import { $, $$, debounce, h, icon, reconcile } from "../core/dom.js";
import { age, duration, moment } from "../core/format.js";
import { hasTerm, t, tn, term } from "../core/i18n.js";
import { on } from "../core/live.js";
import { countAlarms } from "../core/shell.js";
import { failed, toast } from "../core/toast.js";

const mayWrite = document.body.dataset.mayWrite === "yes";
const marks = { lamp_outage: "dark", node_outage: "dark", feeder_outage: "dark", cabinet_outage: "dark", communication_loss: "offline" };
const childrenShown = 60;
let shown = "active";

const outage = (alarm) => (marks[alarm.cause] ?? "fault") === "dark";
const name = (context, value) => (hasTerm(context, value) ? term(context, value) : String(value));

function title(alarm) {
  const { fault, cabinet } = alarm.title;
  const cause = fault && alarm.cause === "node_fault" ? name("fault", fault) : name("alarm", alarm.cause);
  const object = cabinet ? `${alarm.object_name} (${cabinet})` : alarm.object_name;
  return t("%(cause)s: %(object)s", { cause, object });
}

function counted(alarm) {
  if (alarm.object_kind === "node") return null;
  // A cleared alarm counts nobody any more; its nodes tell how far it once reached.
  const count = alarm.state === "active" ? alarm.count : alarm.children.length;
  const words = outage(alarm)
    ? t("%(count)s of %(all)s lamps", { count, all: alarm.total })
    : tn("%(count)s of %(all)s node", "%(count)s of %(all)s nodes", count, { all: alarm.total });
  return h("span", { class: `badge ${alarm.state === "active" ? "badge--bad" : ""}` }, words);
}

function states(alarm) {
  const urgent = alarm.priority === "critical" || alarm.priority === "high";
  return [
    h("span", { class: `badge ${urgent && alarm.state === "active" ? "badge--warn" : ""}` }, t("priority %(priority)s", { priority: term("priority", alarm.priority) })),
    h("span", { class: `badge ${alarm.state === "active" ? "badge--bad" : "badge--good"}` },
      icon(alarm.state === "active" ? "bolt" : "check"), term("alarm_state", alarm.state)),
    alarm.acknowledged_by
      ? h("span", { class: "badge" }, icon("check"), t("acknowledged by %(who)s", { who: alarm.acknowledged_by }))
      : h("span", { class: "badge badge--wait" }, t("not acknowledged")),
  ];
}

function times(alarm) {
  const old = age(systemNow() - alarm.raised_system_s);
  const raised = t("raised %(when)s (%(age)s)", { when: moment(alarm.raised_s), age: old });
  if (!alarm.cleared_s) return raised;
  const cleared = t("cleared after %(time)s", { time: duration(alarm.cleared_system_s - alarm.raised_system_s) });
  return `${raised} · ${cleared}`;
}

function evidence(alarm) {
  const rows = Object.entries(alarm.evidence ?? {}).filter(([, value]) => value !== null && typeof value !== "object");
  return rows.length ? h("dl", { class: "facts" }, rows.map(([key, value]) => h("div", {}, h("dt", {}, name("evidence", key)), h("dd", {}, String(value))))) : null;
}

function children(alarm) {
  const list = alarm.children ?? [];
  if (!list.length) return null;
  return h("div", {},
    h("h3", {}, tn("%(count)s object beneath it, silent", "%(count)s objects beneath it, silent", list.length)),
    h("ul", { class: "children" }, list.slice(0, childrenShown).map((child) =>
      h("li", {}, h("a", { href: `/nodes/${encodeURIComponent(child.node_id)}`, class: child.affected ? "is-affected" : null },
        icon(child.affected ? `state-${marks[alarm.cause] ?? "fault"}` : "check"), child.name))), list.length > childrenShown ? h("li", {}, t("and %(count)s more", { count: list.length - childrenShown })) : null));
}

function acknowledge(alarm) {
  if (alarm.acknowledged_by || !mayWrite) return alarm.note ? h("p", { class: "notice" }, alarm.note) : null;
  const note = h("input", { name: "note", maxlength: "500", placeholder: t("Note, e.g. crew is on its way"), "aria-label": t("Note") });
  return h("form", { class: "acknowledge", onsubmit: (event) => {
    event.preventDefault();
    send(alarm.id, note.value.trim());
  } }, note, h("button", { class: "button button--main", type: "submit" }, icon("check"), t("Acknowledge")));
}

async function send(id, note) {
  try {
    await post(`alarms/${id}/acknowledge`, { note });
    toast(t("Alarm acknowledged"), "good");
    await load();
    await countAlarms();
  } catch (error) {
    failed(error);
  }
}

function draw(row, alarm) {
  const print = JSON.stringify(alarm);
  row.querySelector(".alarm__times").textContent = times(alarm);
  // While somebody writes a note, only what changed may be drawn again.
  if (row.dataset.print === print) return;
  row.dataset.print = print;
  row.dataset.state = alarm.state;
  const mark = marks[alarm.cause] ?? "fault";
  const written = row.querySelector("[name=note]")?.value ?? "";
  const focused = row.contains(document.activeElement) && document.activeElement.name === "note";
  row.querySelector(".alarm__head").replaceChildren(icon(`state-${mark}`, `mark mark--${mark}`), h("h2", {}, title(alarm)), counted(alarm) ?? "", ...states(alarm));
  row.querySelector(".alarm__body").replaceChildren(...[evidence(alarm), children(alarm), acknowledge(alarm)].filter(Boolean));
  const note = row.querySelector("[name=note]");
  if (note) note.value = written;
  if (note && focused) note.focus();
}

function make(alarm) {
  const body = h("div", { class: "alarm__body" });
  return h("li", { class: "alarm" },
    h("div", { class: "alarm__head" }), h("p", { class: "alarm__times soft" }),
    h("details", { open: alarm.state === "active" && outage(alarm) }, h("summary", {}, t("Evidence and nodes")), body));
}

async function load() {
  const { alarms } = await get(query("alarms", { state: shown }));
  $("#alarms-loading").hidden = true;
  $("#alarms-error").hidden = true;
  const order = (alarm) => (alarm.state === "active" ? 0 : 2) + (alarm.acknowledged_by ? 1 : 0);
  alarms.sort((a, b) => order(a) - order(b) || b.raised_s - a.raised_s);
  reconcile($("#alarms"), alarms, (alarm) => alarm.id, make, draw);
  $("#no-alarms").hidden = alarms.length > 0;
}

function broken(error) {
  $("#alarms-loading").hidden = true;
  $("#alarms-error").hidden = false;
  $("#alarms-error span").textContent = error.message;
}

for (const button of $$("[data-show]")) {
  button.addEventListener("click", () => {
    shown = button.dataset.show;
    for (const each of $$("[data-show]")) each.setAttribute("aria-pressed", String(each === button));
    load().catch(broken);
  });
}
const soon = debounce(() => load().catch(broken), 100);
$("#alarms-retry").addEventListener("click", soon);
on("alarm", soon);
on("resync", soon);
setInterval(soon, 15000);
load().catch(broken);
