// Small tools for building and updating the page without markup strings: text stays text.

const svgTags = new Set(["svg", "use", "g", "path", "line", "rect", "circle", "text", "title", "defs",
  "linearGradient", "stop", "polyline", "polygon", "tspan"]);

export const $ = (selector, from = document) => from.querySelector(selector);
export const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

function set(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "class" || node instanceof SVGElement) node.setAttribute(name, value);
  else if (name === "vars") for (const [key, v] of Object.entries(value)) node.style.setProperty(key, v);
  else if (name in node && typeof value !== "string") node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

/** An element: h("p", {class: "soft"}, "text", child, [more]). */
export function h(tag, attributes = {}, ...children) {
  const node = svgTags.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An icon of the sprite at the head of the page. */
export function icon(name, className = "icon") {
  return h("svg", { class: className, "aria-hidden": "true" }, h("use", { href: `#i-${name}` }));
}

/** Sets the text of a node only when it differs: no needless layout on every live update. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Replaces everything inside a node. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * Makes the children of `parent` match `items`, keeping the elements (and so the focus and the
 * scroll) of those that stay.
 */
export function reconcile(parent, items, key, make, update) {
  const old = new Map();
  for (const child of [...parent.children]) old.set(child.dataset.key, child);
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let node = old.get(name);
    if (node) old.delete(name);
    else {
      node = make(item);
      node.dataset.key = name;
    }
    update?.(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const rest of old.values()) rest.remove();
}

/** Calls `action` once, after calls have stopped for `delayMs`. */
export function debounce(action, delayMs) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), delayMs);
  };
}

/** Calls `action` at most once a frame. */
export function eachFrame(action) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      action();
    });
  };
}
