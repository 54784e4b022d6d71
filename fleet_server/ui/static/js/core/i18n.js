// Words of the screens in the reader's language.
//
// The catalogue is one cached JSON file named by the page (`<html data-catalogue>`). A sentence is
// looked up by its English text; a term of the trade (a field, a fault, a state) by context and
// machine name. A missing entry shows the English text, never an empty place.

const root = document.documentElement;

export const language = root.lang || "vi";

const catalogue = await fetch(root.dataset.catalogue, { credentials: "same-origin" })
  .then((answer) => (answer.ok ? answer.json() : {}))
  .catch(() => ({}));

function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A sentence; `%(name)s` is replaced from `values`. */
export function t(text, values = {}) {
  return fill(catalogue[text] ?? text, values);
}

/** A sentence that counts: one form for one, another for many (Vietnamese has one form). */
export function tn(one, many, count, values = {}) {
  const forms = catalogue[one];
  const chosen = Array.isArray(forms)
    ? forms[Math.min(forms.length - 1, count === 1 ? 0 : 1)]
    : count === 1 ? one : many;
  return fill(chosen, { count, ...values });
}

/** A term of the trade by its machine name, e.g. term("fault", "lamp_failure"). */
export function term(context, name) {
  const found = catalogue[`${context}\u0004${name}`];
  return found ?? String(name).replaceAll("_", " ");
}

const holes = /%\\\((\w+)\\\)s/g;

/** The server's own sentence (English) in the reader's language, with what stands in its holes. */
export function message(text) {
  const context = "message\u0004";
  if (`${context}${text}` in catalogue) return catalogue[`${context}${text}`];
  for (const [key, words] of Object.entries(catalogue)) {
    if (!key.startsWith(context) || !key.includes("%(")) continue;
    const pattern = key.slice(context.length).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const found = new RegExp(`^${pattern.replace(holes, "(?<$1>.+)")}$`).exec(text);
    if (found) return fill(words, found.groups);
  }
  return text;
}

/** Whether the catalogue knows this term. */
export function hasTerm(context, name) {
  return `${context}\u0004${name}` in catalogue;
}
