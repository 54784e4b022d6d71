// The fleet server's own HTTP API, version 1, by the session's cookie.

import { hasTerm, message, t, term } from "./i18n.js";

const timeoutMs = 15000;
const base = "/api/v1/";

/** A refusal or a failure, with a sentence for the reader in `message`. */
export class ApiError extends Error {
  constructor(status, code, message, field) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

function sentence(status, error) {
  if (error?.code && hasTerm("error", error.code)) return term("error", error.code);
  // The server's sentences are English; those that an operator meets are in the catalogue too.
  if (error?.message) return message(error.message);
  if (status === 403) return t("Your account may not do this.");
  if (status === 404) return t("This is not there any more.");
  return t("The server could not do this (status %(status)s).", { status });
}

async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf]")?.content ?? "";
  if (body !== undefined && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(base + path, { method, headers, body, signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    throw new ApiError(0, "unreachable", t("The server does not answer. Try again in a moment."));
  }
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const data = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) {
    const error = data?.error ?? null;
    throw new ApiError(answer.status, error?.code ?? "failed", sentence(answer.status, error), error?.field);
  }
  return data;
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
export const put = (path, body) => call("PUT", path, body);
export const del = (path, body) => call("DELETE", path, body);

/** "nodes", {kind: "x", q: ""} -> "nodes?kind=x": empty values are left out. */
export function query(path, values) {
  const pairs = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}
