// Lighting programs: choose, edit on the night axis or in the table, save, send, override.

import { get, post, put, query } from "../core/api.js";
import { cityNow } from "../core/clock.js";
import { $, $$, debounce, fill, h } from "../core/dom.js";
import { duration, moment } from "../core/format.js";
import { t, tn, term } from "../core/i18n.js";
import { on } from "../core/live.js";
import { follow, meter } from "../core/progress.js";
import { failed, toast } from "../core/toast.js";
import { clearErrors, showError, wireOverride } from "../node/override.js";
import { Axis, describeStep } from "./axis.js";
import { curve, Draft, inOrder, newStep, nightMin } from "./model.js";
import { showSteps } from "./table.js";

const mayWrite = document.body.dataset.mayWrite === "yes";
const commandsShown = 8;
const cityOffsetS = 7 * 3600;
const dayS = 86400;
// Until a lamp's own sun is known: the tropics' mean, so that the axis is never without one.
let sun = { sunset: 360, sunrise: 1080 };
let programs = [];
let groups = [];
let overrides = [];
let axis = null;

const draft = new Draft(() => axis && show());

/** The unix second of the noon that began the night which holds `atS`. */
const nightNoon = (atS) => Math.floor((atS + cityOffsetS - dayS / 2) / dayS) * dayS + dayS / 2 - cityOffsetS;
const placeAt = (atS) => (atS - nightNoon(cityNow())) / 60;

axis = new Axis($("#axis"), draft, () => sun, () => placeAt(cityNow()));
axis.onChoose = (index) => choose(index);
if (!mayWrite) $("#axis").inert = true;

function choose(index) {
  if (index === axis.chosen) return;
  axis.chosen = index;
  showSteps($("#steps"), draft, () => sun, axis.chosen, !mayWrite);
}

function show() {
  axis.draw();
  showSteps($("#steps"), draft, () => sun, axis.chosen, !mayWrite);
  const name = $("#program-name");
  if (document.activeElement !== name) name.value = draft.name;
  const badge = $("#saved-state");
  badge.textContent = draft.id === null ? t("New") : draft.dirty ? t("Not saved") : t("Saved");
  badge.className = `badge ${draft.dirty ? "badge--wait" : "badge--good"}`;
  if (mayWrite) $("#undo").disabled = !draft.canUndo;
  if (mayWrite) $("#push [type=submit]").disabled = draft.dirty;
  showPushHint();
  $("#night-note").textContent = inOrder(draft.steps, sun).map(({ step, at }) => describeStep(step, at)).join(" · ");
  showPrograms();
}

function showPushHint() {
  const hint = $("#push-hint");
  if (!hint) return;
  const group = groups.find((each) => String(each.id) === $("#push-group").value);
  hint.textContent = draft.dirty
    ? t("Save the program first; then it can be sent.")
    : t("“%(name)s” goes to %(count)s nodes.", { name: draft.name, count: group ? sizeOf(group) : 0 });
}

const sizeOf = (group) => group.node_ids?.length ?? group.count ?? 0;

function showPrograms() {
  $("#no-programs").hidden = programs.length > 0;
  fill($("#programs"), programs.map((program) => h("li", {},
    h("button", { type: "button", "aria-current": String(program.id === draft.id), onclick: () => open(program) },
      h("strong", {}, program.name), thumbnail(program),
      h("small", { class: "soft" }, tn("%(count)s step", "%(count)s steps", program.steps.length), program.version ? ` · v${program.version}` : "")))));
}

function thumbnail(program) {
  const points = curve(program.steps, sun).map(([place, level]) => `${place},${105 - level}`).join(" ");
  return h("svg", { viewBox: `0 0 ${nightMin} 110`, preserveAspectRatio: "none", "aria-hidden": "true" }, h("polyline", { points }));
}

function open(program) {
  if (draft.dirty && draft.id !== null && !confirm(t("Throw away the changes that are not saved?"))) return;
  draft.open(program);
  readSun().catch(failed);
}

async function save(event) {
  event.preventDefault();
  clearErrors($("#editor"));
  $("#editor-error").textContent = "";
  const body = { name: draft.name.trim(), steps: draft.steps };
  try {
    const stored = draft.id === null ? await post("programs", body) : await put(`programs/${draft.id}`, body);
    draft.stored({ ...body, ...stored });
    toast(t("Program “%(name)s” saved", { name: draft.name }), "good");
    await readPrograms();
    await readSun();
  } catch (error) {
    if (error.field === "name") showError($("#editor"), error);
    else showStepError(error);
  }
}

function showStepError(error) {
  const [, number, part] = /^steps\[(\d+)\](?:\.(\w+))?/.exec(error.field ?? "") ?? [];
  const where = number === undefined ? "" : `${t("Step %(number)s", { number: Number(number) + 1 })}: `;
  $("#editor-error").textContent = where + error.message;
  const input = part && $(`#steps tr[data-index="${number}"] [name="${part}"]`);
  input?.setAttribute("aria-invalid", "true");
  input?.focus();
}

async function push(event) {
  event.preventDefault();
  const form = $("#push");
  const button = $("[type=submit]", form);
  clearErrors(form);
  button.setAttribute("aria-busy", "true");
  try {
    const { command_id: id } = await post("schedules/push", { program_id: draft.id, group_id: groupId(form.elements.group_id.value) });
    $("#push-progress").hidden = false;
    await follow($("#push-progress"), id);
  } catch (error) {
    showError(form, error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

const groupId = (value) => groups.find((group) => String(group.id) === value)?.id ?? value;

async function readPrograms() {
  ({ programs } = await get("programs"));
  $("#programs-loading").hidden = true;
  showPrograms();
}

async function readSun() {
  const node = $("#preview-node").value;
  const program = draft.id ?? programs[0]?.id;
  if (!node || program === undefined || program === null) return;
  const preview = await get(query(`programs/${program}/preview`, { node }));
  if (preview.sunset_s && preview.sunrise_s) {
    const noon = nightNoon(preview.sunset_s);
    sun = { sunset: (preview.sunset_s - noon) / 60, sunrise: (preview.sunrise_s - noon) / 60 };
  }
  show();
}

async function readGroups() {
  ({ groups } = await get("groups"));
  for (const select of $$("[data-groups]")) {
    fill(select, groups.map((group) => h("option", { value: String(group.id) }, `${group.name} (${sizeOf(group)})`)));
  }
  showPushHint();
}

async function readLamps() {
  const { nodes } = await get("nodes?kind=streetlight");
  fill($("#preview-node"), nodes.map((node) => h("option", { value: node.id }, node.name || node.id)));
}

function showOverrides() {
  const now = cityNow();
  const running = overrides.filter((each) => each.until_s > now);
  $("#no-overrides").hidden = running.length > 0;
  const sets = [...Map.groupBy(running, (each) => `${each.level} ${each.until_s} ${each.reason ?? ""}`).values()];
  fill($("#overrides"), sets.map((same) => {
    const [first] = same;
    const names = same.length === 1 ? first.node_id : tn("%(count)s lamp", "%(count)s lamps", same.length);
    return h("li", {}, h("span", {}, h("strong", {}, `${names} → ${first.level}%`), first.reason ? h("span", { class: "soft" }, ` ${first.reason}`) : null),
      h("span", { class: "badge badge--wait" }, t("%(left)s left", { left: duration(first.until_s - now) })));
  }));
}

async function readOverrides() {
  ({ overrides } = await get("overrides"));
  showOverrides();
}

async function readCommands() {
  const { commands } = await get("commands");
  $("#no-commands").hidden = commands.length > 0;
  fill($("#commands"), commands.slice(0, commandsShown).map((command) => {
    const counts = command.counts ?? command.states ?? {};
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const words = t("%(reached)s/%(all)s reached", { reached: counts.reached ?? 0, all });
    return h("li", {},
      h("span", {}, h("strong", {}, term("command", command.kind)), h("span", { class: "soft" }, ` ${command.title} · ${moment(command.created_s)}`)),
      h("span", { class: "soft nowrap" }, words),
      meter({ good: counts.reached ?? 0, wait: (counts.queued ?? 0) + (counts.sent ?? 0), bad: counts.refused ?? 0, all }, words));
  }));
}

const commandsSoon = debounce(() => Promise.all([readCommands(), readOverrides()]).catch(failed), 250);

function startForms() {
  $("#new-program").addEventListener("click", () => {
    draft.open({ id: null, name: "", steps: new Draft(() => {}).steps });
    $("#program-name").focus();
  });
  $("#editor").addEventListener("submit", save);
  $("#push").addEventListener("submit", push);
  $("#push-group").addEventListener("change", showPushHint);
  $("#undo").addEventListener("click", () => draft.undo());
  $("#add-step").addEventListener("click", () => draft.add(newStep(draft.steps, sun)));
  $("#program-name").addEventListener("input", (event) => {
    draft.name = event.target.value;
    show();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !/INPUT|TEXTAREA/.test(event.target.tagName)) draft.undo();
  });
  wireOverride($("#override"), () => ({ group_id: groupId($("#override").elements.group_id.value) }));
}

async function start() {
  if (mayWrite) startForms();
  await Promise.all([readPrograms(), readGroups(), readLamps(), readOverrides(), readCommands()]);
  if (programs.length) draft.open(programs[0]);
  await readSun();
  show();
}

$("#preview-node").addEventListener("change", () => readSun().catch(failed));
on("command", commandsSoon);
on("resync", commandsSoon);
setInterval(() => {
  showOverrides();
  axis.tick();
}, 1000);
start().catch(failed);
