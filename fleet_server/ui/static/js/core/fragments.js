// What pages of htmx fragments need besides htmx: the CSRF token, live refresh, plain failures.

import { $$, debounce } from "./dom.js";
import { t } from "./i18n.js";
import { on } from "./live.js";
import { toast } from "./toast.js";

const refreshAfterMs = 500;

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf]").content;
});
document.addEventListener("htmx:sendError", () => toast(t("The server does not answer. Try again in a moment."), "bad"));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  toast(status === 403 ? t("Your account may not do this.") : t("The server could not do this (status %(status)s).", { status }), "bad");
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-select]")) event.target.select();
});

for (const place of $$("[data-refresh-on]")) {
  const refresh = debounce(() => window.htmx.trigger(place, "refresh"), refreshAfterMs);
  on(place.dataset.refreshOn, refresh);
  on("resync", refresh);
}
