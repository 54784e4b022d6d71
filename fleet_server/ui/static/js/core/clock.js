// The two clocks of the server: the city's civil time, which a demo may run faster than real time,
// and the machine's own, by which "seen 4 s ago" is told.

import { get } from "./api.js";

let referenceMs = performance.now();
let cityS = Date.now() / 1000;
let systemS = cityS;
let speed = 1;

/** The city's civil time now, in seconds since 1970 UTC. */
export function cityNow() {
  return cityS + ((performance.now() - referenceMs) / 1000) * speed;
}

/** The server machine's own time now, in seconds since 1970 UTC. */
export function systemNow() {
  return systemS + (performance.now() - referenceMs) / 1000;
}

/** How many real seconds ago a moment of city time was; null for a moment that never was. */
export function realAge(atCityS) {
  return atCityS === null || atCityS === undefined ? null : Math.max(0, (cityNow() - atCityS) / speed);
}

/** How many times faster than real time the city's clock runs. */
export const citySpeed = () => speed;

/** Reads the server's clock anew. */
export async function readClock() {
  const before = performance.now();
  const answer = await get("clock");
  // Half of the way there and back is the best guess of the answer's age.
  referenceMs = (before + performance.now()) / 2;
  cityS = answer.now_s;
  systemS = answer.system_now_s;
  speed = answer.speed;
}
