// The frame of every page: clock, connection, alarm count, theme, menus.

import { get } from "./api.js";
import { cityNow, citySpeed, readClock } from "./clock.js";
import { $, $$, write } from "./dom.js";
import { day, number, seconds, weekday } from "./format.js";
import { t, tn } from "./i18n.js";
import { on, onLink, start } from "./live.js";

const yearS = 365 * 24 * 3600;
const themes = ["auto", "dark", "light"];
const themeListeners = new Set();
const clockEveryMs = 60000;

/** Calls `listener` after the colours have changed. */
export function onTheme(listener) {
  themeListeners.add(listener);
}

function tellTheme() {
  for (const listener of themeListeners) listener();
}

function showTheme() {
  const chosen = document.documentElement.dataset.theme;
  for (const button of $$("[data-set-theme]")) button.setAttribute("aria-pressed", String(button.dataset.setTheme === chosen));
}

function setTheme(theme) {
  if (!themes.includes(theme)) return;
  document.documentElement.dataset.theme = theme;
  document.cookie = `cf_theme=${theme}; path=/; max-age=${yearS}; samesite=lax`;
  showTheme();
  tellTheme();
}

function tick() {
  const now = cityNow();
  write($("#clock-time"), seconds(now));
  write($("#clock-day"), `${weekday(now)} ${day(now)}`);
  const speed = citySpeed();
  $("#clock-speed").hidden = speed === 1;
  write($("#clock-factor"), `×${number(speed, speed % 1 ? 1 : 0)}`);
}

function showLink(state) {
  const place = $("#link");
  place.dataset.link = state;
  write(place.firstElementChild, state === "up" ? t("Live") : state === "down" ? t("Connection lost, trying again") : t("Connecting"));
}

/** Reads and shows how many alarms are active. */
export async function countAlarms() {
  const { alarms } = await get("alarms?state=active");
  const open = alarms.filter((alarm) => !alarm.acknowledged_by).length;
  for (const place of $$("[data-alarm-count]")) {
    place.hidden = alarms.length === 0;
    write(place, String(alarms.length));
  }
  const button = $("#bar-alarms");
  button.toggleAttribute("data-alarms", open > 0);
  const words = alarms.length ? tn("%(count)s active alarm", "%(count)s active alarms", alarms.length) : t("No active alarms");
  button.setAttribute("aria-label", words);
  button.title = words;
}

function closeMenus(event) {
  for (const menu of $$(".menu[open]")) {
    if (event.type === "keydown" ? event.key === "Escape" : !menu.contains(event.target)) {
      menu.open = false;
      if (event.type === "keydown") menu.querySelector("summary").focus();
    }
  }
}

const alarmsQuietly = () => countAlarms().catch(() => {});

if ($("#clock-time")) {
  readClock().then(tick).catch(() => {});
  setInterval(tick, 250);
  setInterval(() => readClock().catch(() => {}), clockEveryMs);
  onLink(showLink);
  on("alarm", alarmsQuietly);
  on("resync", () => {
    readClock().catch(() => {});
    alarmsQuietly();
  });
  alarmsQuietly();
  start();
}
for (const button of $$("[data-set-theme]")) button.addEventListener("click", () => setTheme(button.dataset.setTheme));
showTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellTheme);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);
