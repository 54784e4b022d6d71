// Short messages at the edge of the screen, read aloud by a screen reader.

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

const stayMs = 6000;
const most = 4;

/** Shows a message; tone is "info", "good" or "bad" (a bad one stays until it is closed). */
export function toast(message, tone = "info") {
  const place = document.getElementById("toasts");
  const close = h("button", { class: "button button--quiet button--icon", type: "button", "aria-label": t("Close") }, icon("close"));
  const box = h("div", { class: `toast toast--${tone}`, role: tone === "bad" ? "alert" : "status" }, h("span", { class: "grow" }, message), close);
  close.addEventListener("click", () => box.remove());
  place.append(box);
  while (place.children.length > most) place.firstElementChild.remove();
  if (tone !== "bad") setTimeout(() => box.remove(), stayMs);
}

/** Shows what went wrong. */
export const failed = (error) => toast(error.message, "bad");
