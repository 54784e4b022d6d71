// One stream of live events for the whole page.
//
//   on("node", (data) => ...);  on("resync", reload);  onLink((state) => ...);
//
// The stream reconnects by itself; after a gap every listener hears "resync" and reads anew.
// One stream a page: a browser allows six connections to a host, so more tabs than that starve.

import { get } from "./api.js";

const listeners = new Map();
const linkListeners = new Set();
const retryMs = [1000, 2000, 4000, 8000, 15000];
let source = null;
let attempts = 0;
let link = "wait";
let hadLink = false;

function tell(name, data) {
  for (const listener of listeners.get(name) ?? []) listener(data);
}

function setLink(state) {
  if (state === link) return;
  link = state;
  for (const listener of linkListeners) listener(state);
}

function subscribe(name) {
  source?.addEventListener(name, (event) => tell(name, event.data ? JSON.parse(event.data) : null));
}

function open() {
  source = new EventSource("/api/v1/stream");
  source.onopen = () => {
    attempts = 0;
    setLink("up");
    if (hadLink) tell("resync", null);
    hadLink = true;
  };
  source.onerror = () => {
    setLink("down");
    source.close();
    const wait = retryMs[Math.min(attempts, retryMs.length - 1)];
    attempts += 1;
    setTimeout(open, wait);
    // A stream does not tell why it ended; an ended session leads to the login from here.
    get("me").catch(() => {});
  };
  for (const name of listeners.keys()) subscribe(name);
}

/** Calls `listener` with the data of every event of this name. */
export function on(name, listener) {
  if (!listeners.has(name)) {
    listeners.set(name, new Set());
    subscribe(name);
  }
  listeners.get(name).add(listener);
}

/** Calls `listener` with "up" or "down" whenever the connection changes. */
export function onLink(listener) {
  linkListeners.add(listener);
  listener(link);
}

/** Opens the stream; called once by the shell. */
export function start() {
  if (!source) open();
  addEventListener("pagehide", () => source?.close());
}
