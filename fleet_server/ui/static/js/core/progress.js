// A command's way to its nodes: "27 of 30 reached", a bar, and by name who is not there yet.

import { get } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { t, term } from "./i18n.js";
import { on } from "./live.js";
import { reasonName } from "./states.js";

const waiting = ["queued", "sent"];
const namesShown = 12;

function parts(targets) {
  const count = (state) => targets.filter((target) => target.state === state).length;
  return {
    all: targets.length, reached: count("reached"), refused: count("refused"), superseded: count("superseded"),
    waiting: targets.filter((target) => waiting.includes(target.state)).length,
  };
}

/** A bar of three parts; `parts` are counts. */
export function meter({ good = 0, wait = 0, bad = 0, all }, label) {
  const part = (name, count) => {
    const piece = h("span", { class: `meter__${name}` });
    piece.style.width = `${all ? (100 * count) / all : 0}%`;
    return piece;
  };
  return h("div", { class: "meter", role: "img", "aria-label": label }, part("good", good), part("wait", wait), part("bad", bad));
}

function lagging(targets) {
  const rest = targets.filter((target) => target.state !== "reached" && target.state !== "superseded");
  if (!rest.length) return null;
  const more = rest.length - namesShown;
  return h("ul", { class: "laggards" }, rest.slice(0, namesShown).map((target) =>
    h("li", {}, h("a", { href: `/nodes/${encodeURIComponent(target.node_id)}` }, target.name || target.node_id), " ",
      h("span", { class: `badge ${target.state === "refused" ? "badge--bad" : "badge--wait"}` }, term("target", target.state)),
      target.reason ? h("span", { class: "soft" }, ` ${reasonName(target.reason)}`) : null)),
  more > 0 ? h("li", { class: "soft" }, t("and %(count)s more", { count: more })) : null);
}

function draw(place, command) {
  const count = parts(command.targets);
  const done = count.waiting === 0;
  const words = t("%(reached)s/%(all)s reached", { reached: count.reached, all: count.all });
  fill(place,
    h("div", { class: "progress__head" },
      h("strong", {}, words),
      count.refused ? h("span", { class: "badge badge--bad" }, t("%(count)s refused", { count: count.refused })) : null,
      count.superseded ? h("span", { class: "badge" }, t("%(count)s superseded", { count: count.superseded })) : null,
      done ? h("span", { class: `badge ${count.refused ? "badge--warn" : "badge--good"}` }, icon(count.refused ? "alert" : "check"), t("Finished"))
        : h("span", { class: "badge badge--info" }, t("Under way"))),
    meter({ good: count.reached, wait: count.waiting && count.all - count.reached - count.refused - count.superseded, bad: count.refused, all: count.all }, words),
    lagging(command.targets));
  return done;
}

/** Shows a command in `place` and keeps it up to date until every node has answered. */
export async function follow(place, commandId) {
  place.dataset.command = commandId;
  const current = () => place.dataset.command === String(commandId);
  let busy = false;
  let again = false;
  async function read() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const command = await get(`commands/${commandId}`);
      if (current()) draw(place, command);
    } finally {
      busy = false;
    }
    if (again) {
      again = false;
      await read();
    }
  }
  on("command", (data) => {
    if (current() && String(data.id ?? data.command_id) === String(commandId)) read().catch(() => {});
  });
  on("resync", () => current() && read().catch(() => {}));
  await read();
}
