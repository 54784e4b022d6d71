// The manual override of a lamp: a level for a time, which ends by itself.

import { del, post } from "../core/api.js";
import { $, h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { follow } from "../core/progress.js";
import { failed, toast } from "../core/toast.js";

/** Joins the form `form` to the API; `targets()` gives {node_ids} or {group_id}, or null. */
export function wireOverride(form, targets) {
  const slider = $("[name=level]", form);
  const shown = $("output", form);
  const progress = $(".progress", form);
  const say = () => { shown.value = `${slider.value}%`; };
  slider.addEventListener("input", say);
  say();

  async function send(button, action) {
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      const answer = await action();
      progress.hidden = false;
      await follow(progress, answer.command_id);
    } catch (error) {
      showError(form, error);
    } finally {
      button.removeAttribute("aria-busy");
      button.disabled = false;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearErrors(form);
    const whom = targets();
    if (!whom) return;
    send($("[type=submit]", form), async () => {
      const answer = await post("overrides", {
        ...whom, level: Number(slider.value), minutes: Number(form.elements.minutes.value), reason: form.elements.reason.value.trim(),
      });
      toast(t("Override sent: %(level)s% for %(minutes)s min", { level: slider.value, minutes: form.elements.minutes.value }), "good");
      return answer;
    });
  });
  $("[data-clear]", form)?.addEventListener("click", (event) => {
    const whom = targets();
    if (whom) send(event.currentTarget, () => del("overrides", whom));
  });
}

/** Puts a refusal beside the field that it is about, else into a message. */
export function showError(form, error) {
  const field = error.field && form.elements[error.field];
  if (!field) {
    failed(error);
    return;
  }
  const place = h("span", { class: "field__error", role: "alert" }, error.message);
  field.setAttribute("aria-invalid", "true");
  field.closest(".field").append(place);
  field.focus();
}

/** Takes the refusals of an earlier try away. */
export function clearErrors(form) {
  for (const place of form.querySelectorAll(".field__error")) place.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}
