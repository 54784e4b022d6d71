// Releases and rollouts: upload, start, watch each node, pause, resume, abort.

import { get, post } from "../core/api.js";
import { $, $$, debounce, fill, h, icon, reconcile } from "../core/dom.js";
import { moment, number } from "../core/format.js";
import { t, tn, term } from "../core/i18n.js";
import { on } from "../core/live.js";
import { meter } from "../core/progress.js";
import { kindName, reasonName } from "../core/states.js";
import { failed, toast } from "../core/toast.js";

const mayWrite = document.body.dataset.mayWrite === "yes";
const steps = ["offered", "downloaded", "trial", "confirmed"];
const badEnds = new Set(["refused", "rolled_back", "timed_out"]);
const actions = {
  running: [["pause", "pause"], ["abort", "stop"]],
  paused: [["resume", "play"], ["abort", "stop"]],
};
const actionNames = { pause: t("Pause"), resume: t("Resume"), abort: t("Abort") };
const tones = { running: "badge--info", finished: "badge--good", paused: "badge--warn", aborted: "badge--bad" };
let releases = [];

const isLive = (rollout) => rollout.state in actions;

function signature(release) {
  if (release.verified) return h("span", { class: "badge badge--good" }, icon("shield"), t("verified"));
  return h("span", { class: "badge badge--bad badge--wrap" }, icon("alert"), t("not verified: %(reason)s", { reason: reasonName(release.reason ?? "") }));
}

function cell(label, ...content) {
  return h("td", { "data-label": label }, h("span", {}, content));
}

function releaseRow(release) {
  const begin = mayWrite
    ? h("button", { class: "button", type: "button", onclick: () => ask(release), "aria-label": t("Roll out %(kind)s %(version)s", { kind: kindName(release.kind), version: release.version }) }, icon("play"), t("Roll out"))
    : null;
  return h("tr", {},
    h("th", { scope: "row" }, kindName(release.kind)), cell(t("Version"), h("b", {}, release.version)),
    cell(t("Counter"), String(release.counter)), cell(t("Size"), t("%(size)s kB", { size: number(release.length / 1024, 1) })),
    cell(t("Signature"), signature(release)), cell(t("Uploaded"), release.uploaded_s ? moment(release.uploaded_s) : "–"), h("td", { class: "right" }, begin));
}

function ask(release) {
  const dialog = $("#start-rollout");
  $("#start-text").textContent = t("%(kind)s %(version)s goes to one node first, then to a quarter, then to all of this kind.", { kind: kindName(release.kind), version: release.version });
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue === "yes" && begin(release);
  dialog.showModal();
}

async function begin(release) {
  try {
    await post("rollouts", { release_id: release.id });
    toast(t("Rollout started"), "good");
    await readRollouts();
  } catch (error) {
    failed(error);
  }
}

async function act(rollout, action) {
  try {
    await post(`rollouts/${rollout.id}/${action}`);
    await readRollouts();
  } catch (error) {
    failed(error);
  }
}

function nodeStep(node) {
  const reached = steps.indexOf(node.state);
  const bad = badEnds.has(node.state);
  return h("li", { class: "node-step", "data-state": node.state, "data-end": bad ? "bad" : "" },
    h("a", { href: `/nodes/${encodeURIComponent(node.node_id)}` }, node.name || node.node_id),
    h("span", { class: "node-step__track", "aria-hidden": "true" }, steps.map((_, index) => h("i", { class: index <= reached ? "is-done" : "" }))),
    h("span", { class: "node-step__words" }, h("span", { class: bad ? "badge badge--bad" : "soft" }, term("rollout_node", node.state)),
      node.reason ? h("b", {}, reasonName(node.reason)) : null));
}

function makeRollout(rollout) {
  return h("li", { class: "rollout" },
    h("div", { class: "rollout__head" }), h("div", { class: "rollout__bar" }),
    h("p", { class: "rollout__counts" }), h("div", { class: "rollout__reason" }),
    h("details", { open: isLive(rollout), ontoggle: soon }, h("summary", {}, t("Node by node")), h("ul", { class: "node-steps" })));
}

function drawRollout(row, rollout) {
  const count = (state) => rollout.counts[state] ?? 0;
  const phases = rollout.phases.map((phase) => t("%(phase)s: %(count)s", { phase: term("phase", phase.name), count: phase.total })).join(" → ");
  const bad = [...badEnds].reduce((sum, state) => sum + count(state), 0);
  const under = count("offered") + count("downloaded") + count("trial");
  const words = t("%(done)s of %(all)s confirmed", { done: count("confirmed"), all: rollout.total });
  fill(row.querySelector(".rollout__head"),
    h("h3", {}, `${kindName(rollout.kind)} ${rollout.version}`),
    h("span", { class: `badge ${tones[rollout.state] ?? ""}` }, term("rollout", rollout.state)),
    mayWrite ? h("span", { class: "button-row" }, (actions[rollout.state] ?? []).map(([action, symbol]) =>
      h("button", { class: `button ${action === "abort" ? "button--danger" : ""}`, type: "button", onclick: () => act(rollout, action) }, icon(symbol), actionNames[action]))) : null);
  fill(row.querySelector(".rollout__bar"), meter({ good: count("confirmed"), wait: under, bad, all: rollout.total }, words));
  fill(row.querySelector(".rollout__counts"), h("b", {}, words), h("span", {}, t("%(count)s under way", { count: under })),
    h("span", {}, t("%(count)s waiting", { count: count("pending") })), h("span", {}, phases), bad ? h("span", { class: "badge badge--bad" }, tn("%(count)s failed", "%(count)s failed", bad)) : null);
  fill(row.querySelector(".rollout__reason"), rollout.reason ? h("p", { class: "notice notice--warn" }, icon("alert"), reasonName(rollout.reason)) : null);
  if (rollout.nodes) reconcileNodes(row.querySelector(".node-steps"), rollout.nodes);
}

function reconcileNodes(list, nodes) {
  const order = (node) => (badEnds.has(node.state) ? 0 : node.state === "confirmed" ? 2 : 1);
  const sorted = [...nodes].sort((a, b) => order(a) - order(b) || a.node_id.localeCompare(b.node_id));
  reconcile(list, sorted, (node) => `${node.node_id} ${node.state} ${node.reason ?? ""}`, nodeStep);
}

async function readRollouts() {
  const { rollouts } = await get("rollouts");
  const opened = new Set($$("#rollouts details[open]").map((details) => details.closest("li").dataset.key));
  // Only what somebody looks at is read node by node.
  const whole = await Promise.all(rollouts.map((rollout) =>
    (isLive(rollout) || opened.has(String(rollout.id)) ? get(`rollouts/${rollout.id}`) : rollout)));
  reconcile($("#rollouts"), whole, (rollout) => rollout.id, makeRollout, drawRollout);
  $("#no-rollouts").hidden = rollouts.length > 0;
}

async function readReleases() {
  ({ releases } = await get("releases"));
  $("#releases-loading").hidden = true;
  $("#releases-table").hidden = releases.length === 0;
  $("#no-releases").hidden = releases.length > 0;
  fill($("#releases"), releases.map(releaseRow));
}

async function upload(event) {
  const [file] = event.target.files;
  if (!file) return;
  const body = new FormData();
  body.append("file", file);
  try {
    const release = await post("releases", body);
    toast(release.verified === false ? t("Stored, but its signature is not trusted") : t("Release stored"), release.verified === false ? "bad" : "good");
    await readReleases();
  } catch (error) {
    failed(error);
  }
  event.target.value = "";
}

async function load() {
  await readReleases();
  await readRollouts();
  $("#releases-error").hidden = true;
}

function broken(error) {
  $("#releases-loading").hidden = true;
  $("#releases-error").hidden = false;
  $("#releases-error span").textContent = error.message;
}

const soon = debounce(() => readRollouts().catch(failed), 200);
$("#upload input")?.addEventListener("change", upload);
$("#releases-retry").addEventListener("click", () => load().catch(broken));
on("rollout", soon);
on("resync", () => load().catch(broken));
load().catch(broken);
