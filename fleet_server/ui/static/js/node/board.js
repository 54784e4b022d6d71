// The end of a board's right to speak for its node: revoked, replaced, retired.

import { post } from "../core/api.js";
import { $ } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { toast } from "../core/toast.js";
import { clearErrors, showError } from "./override.js";

/** Joins the form `#board`, where there is one, to the API at `path`; `done()` reads the page anew. */
export function wireBoard(path, done) {
  const form = $("#board");
  if (!form) return;
  const sure = $("#board-sure");

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearErrors(form);
    sure.returnValue = "";
    sure.onclose = () => sure.returnValue === "yes" && send();
    sure.showModal();
  });

  async function send() {
    const button = $("[type=submit]", form);
    const what = form.elements.what.value;
    const reason = form.elements.reason.value.trim();
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      const answer = await (what === "revoke" ? post(`${path}/revoke`, { reason }) : post(`${path}/life`, { event: what, reason }));
      toast(t("The board is out: %(n)s certificates revoked", { n: answer.revoked }), "good");
      form.reset();
      await done();
    } catch (error) {
      showError(form, error);
    } finally {
      button.removeAttribute("aria-busy");
      button.disabled = false;
    }
  }
}
