// Numbers, times and ages as people of the chosen language write them.
//
// Civil time is that of the city (Indochina time); all times come as whole seconds since 1970 UTC.

import { language, t, term, tn } from "./i18n.js";

const locale = language === "vi" ? "vi-VN" : "en-GB";
const zone = "Asia/Ho_Chi_Minh";
const numbers = new Map();

function clockFormat(options) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
}

const dayFormat = clockFormat({ day: "2-digit", month: "2-digit", year: "numeric" });
const shortDayFormat = clockFormat({ day: "2-digit", month: "2-digit" });
const timeFormat = clockFormat({ hour: "2-digit", minute: "2-digit" });
const secondsFormat = clockFormat({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const weekdayFormat = new Intl.DateTimeFormat(locale, { timeZone: zone, weekday: "long" });

/** 1234.5 -> "1.234,5" in Vietnamese; null -> a dash. */
export function number(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!numbers.has(digits)) {
    numbers.set(digits, new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }));
  }
  return numbers.get(digits).format(value);
}

/** dd/mm/yyyy in the city's time. */
export const day = (atS) => dayFormat.format(atS * 1000);
/** dd/mm in the city's time. */
export const shortDay = (atS) => shortDayFormat.format(atS * 1000);
/** HH:MM on the 24-hour clock. */
export const time = (atS) => timeFormat.format(atS * 1000);
/** HH:MM:SS on the 24-hour clock. */
export const seconds = (atS) => secondsFormat.format(atS * 1000);
/** dd/mm/yyyy HH:MM. */
export const moment = (atS) => `${day(atS)} ${time(atS)}`;
/** The weekday in the reader's language. */
export const weekday = (atS) => weekdayFormat.format(atS * 1000);

/** How long something lasts, in its two largest useful units. */
export function duration(lengthS) {
  const whole = Math.max(0, Math.round(lengthS));
  if (whole < 60) return t("%(n)s s", { n: whole });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return t("%(n)s min", { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const rest = minutes % 60;
    return rest ? t("%(h)s h %(m)s min", { h: hours, m: rest }) : t("%(n)s h", { n: hours });
  }
  return tn("%(count)s day", "%(count)s days", Math.floor(hours / 24));
}

/** "just now", "4 min ago": something that is so many seconds old; null is "never". */
export function age(oldS) {
  if (oldS === null || oldS === undefined) return t("never");
  return oldS < 5 ? t("just now") : t("%(age)s ago", { age: duration(oldS) });
}

// Units as they are printed, and the digits that are worth reading.
const units = {
  "%": ["%", 0], "%RH": ["%", 1], V: ["V", 1], A: ["A", 3], W: ["W", 1], Hz: ["Hz", 1],
  kWh: ["kWh", 2], h: ["h", 0], Cel: ["°C", 1], lx: ["lx", 0], deg: ["°", 0], m: ["m", 2],
  "m/h": ["m/h", 2], mm: ["mm", 1], mA: ["mA", 2], kPa: ["kPa", 2], "mS/cm": ["mS/cm", 2],
  s: ["s", 0], ppm: ["ppm", 0],
  dBm: ["dBm", 0], "/": ["", 2], "": ["", 0],
};

/** The printed unit of a SenML unit. */
export const unitName = (unit) => (units[unit] ?? [unit])[0];
/** The digits after the comma of a SenML unit. */
export const unitDigits = (unit) => (units[unit] ?? ["", 2])[1];

/** A value with its printed unit, "221,4 V"; degrees and percent stand close in both languages. */
export function quantity(value, unit) {
  const text = number(value, unitDigits(unit));
  const name = unitName(unit);
  if (!name || text === "–") return text;
  return name === "%" || name === "°" ? text + name : `${text}\u00a0${name}`;
}

// What the bits of a field stand for, the lowest first; outputs as in protocols/rules.py.
const outputs = () => ["vent", "irrigation", "fan", "lamp"].map((output) => term("output", output));
const feeders = () => ["1", "2", "3", "4", "5", "6", "7", "8"];
const bitNames = { outputs, feeders_on: feeders, contactors_closed: feeders, breakers_tripped: feeders };

/** A field's value as one reads it: names instead of bits, a door as a word, else a quantity. */
export function reading(field, value, unit) {
  if (value === null || value === undefined) return number(null);
  const names = bitNames[field]?.();
  if (names) return names.filter((_, bit) => (value >> bit) & 1).join(", ") || t("none");
  if (field === "door_open") return value ? t("open") : t("closed");
  return quantity(value, unit);
}

/** Text without case and diacritics, for searching: "Điện Biên Phủ" -> "dien bien phu". */
export function plain(text) {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();
}
