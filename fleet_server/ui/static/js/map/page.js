// The first page: the map and the list side by side, live.

import { get } from "../core/api.js";
import { $, debounce, eachFrame, fill, h, icon } from "../core/dom.js";
import { t, tn } from "../core/i18n.js";
import { on } from "../core/live.js";
import { onTheme } from "../core/shell.js";
import { kindName, kinds, stateName } from "../core/states.js";
import { showList } from "./list.js";
import { Store } from "./store.js";
import { canDraw, startMap } from "./view.js";

const store = new Store();
const list = $("#nodes");
const note = $("#nodes-note");
const stateChoices = ["", "trouble", "on", "off", "fault", "dark", "offline"];
let selected = null;
let view = null;

const render = eachFrame(() => {
  const shown = store.shown();
  showList(list, store.groups(), selected, select);
  note.textContent = tn("%(count)s of %(all)s node", "%(count)s of %(all)s nodes", shown.length, { all: store.nodes.size });
  $("#no-nodes").hidden = shown.length > 0;
  showChips();
  view?.show();
});

function chip(text, count, pressed, action, mark) {
  return h("button", { class: "chip", type: "button", "aria-pressed": String(pressed), onclick: action }, mark ?? null, text, h("b", {}, String(count)));
}

let chipState = "";
function showChips() {
  const byKind = store.counts("kind", ["", ...kinds]);
  const byState = store.counts("state", stateChoices);
  // Rebuilding drops the focus, so only when something on them changed.
  const next = JSON.stringify([store.filter, [...byKind], [...byState]]);
  if (next === chipState) return;
  chipState = next;
  const held = document.activeElement?.closest("#filters")?.querySelector(":focus")?.dataset.value;
  fill($("#kind-chips"), ["", ...kinds].map((kind) => valued(kind, chip(kind ? kindName(kind) : t("All kinds"), byKind.get(kind), store.filter.kind === kind, () => choose("kind", kind)))));
  fill($("#state-chips"), stateChoices.map((state) => valued(`s-${state}`, chip(
    state === "" ? t("Any state") : state === "trouble" ? t("Needs attention") : stateName(state),
    byState.get(state), store.filter.state === state, () => choose("state", state),
    state && state !== "trouble" ? icon(`state-${state}`, `mark mark--${state}`) : null))));
  if (held !== undefined) $(`#filters [data-value="${held}"]`)?.focus();
}

function valued(value, node) {
  node.dataset.value = value;
  return node;
}

function choose(key, value) {
  store.filter[key] = value;
  const query = new URLSearchParams(Object.entries(store.filter).filter(([, each]) => each));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  render();
}

function select(id, onMap = false) {
  const node = store.nodes.get(id);
  if (!node) return;
  if (!view) {
    location.assign(`/nodes/${encodeURIComponent(id)}`);
    return;
  }
  selected = id;
  view.select(node, onMap);
  if (onMap) list.querySelector(`[data-key="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "nearest" });
  render();
}

async function load() {
  const [answer, topology] = await Promise.all([get("nodes"), get("topology")]);
  store.load(answer.nodes, topology);
  $("#nodes-loading").hidden = true;
  $("#nodes-error").hidden = true;
  render();
}

function failed(error) {
  $("#nodes-loading").hidden = true;
  $("#nodes-error").hidden = false;
  $("#nodes-error span").textContent = error.message;
}

async function openMap() {
  const element = $("#map");
  if (!store.nodes.size) {
    element.dataset.state = "empty";
    return;
  }
  try {
    if (!canDraw()) throw new Error("no WebGL");
    view = await startMap(element, store, select);
    element.dataset.state = "ready";
    onTheme(() => view.theme());
    showCities();
    render();
  } catch (error) {
    console.warn("map:", error);
    element.dataset.state = "missing";
  }
}

function showCities() {
  fill($("#cities"), store.cities().filter((city) => city.count > 1).map((city) =>
    h("button", { class: "chip", type: "button", onclick: () => view.visit(city) }, city.name)));
}

function readFilter() {
  for (const [key, value] of new URLSearchParams(location.search)) {
    if (key in store.filter) store.filter[key] = value;
  }
  $("#search").value = store.filter.q;
}

$("#search").addEventListener("input", debounce((event) => choose("q", event.target.value.trim()), 80));
$("#filters").addEventListener("submit", (event) => event.preventDefault());
$("#nodes-retry").addEventListener("click", () => load().catch(failed));
on("node", (data) => (store.merge(data.nodes) ? load().catch(failed) : render()));
on("resync", () => load().catch(failed));
// Ages grow without news.
setInterval(render, 1000);

readFilter();
load().then(openMap).catch(failed);
