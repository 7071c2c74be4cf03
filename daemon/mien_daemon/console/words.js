// Every visible word, from locales/*.json, and numbers as the language writes them.
export const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  fr: "Français",
  es: "Español",
  ja: "日本語",
  zh_CN: "简体中文",
};

const messages = new Map();
/**
 * The language's own forms, each made when it is first needed, and once: a browser takes milliseconds for the first of
 * a kind, and a list of a thousand would wait for a thousand.
 * @type {{ language: string, made: Map<string, any> }}
 */
const format = { language: "en", made: new Map() };

/** The language to begin with: the person's choice, else the first the browser asks for that we speak. */
export function preferred(chosen, asked) {
  if (chosen in LANGUAGES) return chosen;
  for (const tag of asked) {
    const [base] = tag.toLowerCase().split("-");
    if (base === "zh") return "zh_CN";
    if (base in LANGUAGES) return base;
  }
  return "en";
}

export function speak(language, table) {
  messages.clear();
  for (const [key, text] of Object.entries(table)) messages.set(key, text);
  format.language = language.replace("_", "-");
  format.made.clear();
}

/**
 * @template T
 * @param {new (language: string, options?: any) => T} Form  of `Intl`.
 * @param {object} [options]
 * @returns {T}
 */
function form(Form, options) {
  const key = Form.name + JSON.stringify(options);
  if (!format.made.has(key)) format.made.set(key, new Form(format.language, options));
  return format.made.get(key);
}

export function knows(key) {
  return messages.has(key);
}

/**
 * The words under `key` with `{names}` filled in; `count` picks the plural form.
 * @param {string} key
 * @param {Record<string, any>} values
 */
export function t(key, values = {}) {
  const full = "count" in values ? `${key}_${form(Intl.PluralRules).select(values.count)}` : key;
  const text = messages.get(full) ?? messages.get(`${key}_other`) ?? messages.get(key) ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? said(values[name]) : whole));
}

function said(value) {
  return typeof value === "number" ? number(value) : String(value);
}

/** @type {Intl.NumberFormatOptions} */
const PLAIN = { maximumFractionDigits: 2 };

/**
 * A small whole number is written alike in every language here, and needs nothing of `Intl`: the first view shows some.
 * @param {number} value
 * @param {Intl.NumberFormatOptions} options
 */
export function number(value, options = PLAIN) {
  const isSmall = Number.isInteger(value) && value >= 0 && value < 1000;
  return isSmall && options === PLAIN ? String(value) : form(Intl.NumberFormat, options).format(value);
}

export function percent(fraction) {
  return t("percent", { value: Math.round(100 * fraction) });
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export function bytes(count) {
  const power = Math.min(UNITS.length - 1, count > 0 ? Math.floor(Math.log10(count) / 3) : 0);
  const value = count / 1000 ** power;
  const digits = value < 10 && power > 0 ? 1 : 0;
  return number(value, { style: "unit", unit: UNITS[power], maximumFractionDigits: digits });
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const SPANS = [
  ["year", 31_536_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

const LONG = new Set(["year", "day"]); // short they read "1 yr", "7 days"
const NEARLY = 0.995; // of a unit fills it: what ends in a year less a minute ends "in 1 year"

/** The largest unit that a length of time fills, with the seconds of one; less than a second is in seconds. */
function unitFor(seconds) {
  return SPANS.find(([, span]) => seconds >= NEARLY * span) ?? SPANS[SPANS.length - 1];
}

/** A length of time in its largest unit: "3 min", "0.4 s". */
export function duration(seconds) {
  const [unit, length] = unitFor(seconds);
  const value = seconds / length;
  const digits = unit === "second" && seconds < 10 ? 1 : 0;
  return number(value, {
    style: "unit",
    unit,
    unitDisplay: LONG.has(unit) ? "long" : "short",
    maximumFractionDigits: digits,
  });
}

/**
 * How long ago, or how far ahead, a moment is; `at` in seconds since the epoch.
 * @param {number} at
 * @param {Intl.RelativeTimeFormatStyle} style
 */
export function ago(at, style = "short", now = Date.now() / 1000) {
  const seconds = at - now;
  const [unit, length] = unitFor(Math.abs(seconds));
  const numeric = unit === "year" ? "always" : "auto"; // "next year" may be next week
  return form(Intl.RelativeTimeFormat, { numeric, style }).format(Math.round(seconds / length), unit);
}

/** Under the heading of its day. */
export function timeOfDay(at) {
  return form(Intl.DateTimeFormat, { timeStyle: "short" }).format(at * 1000);
}

export function moment(at) {
  return form(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "short" }).format(at * 1000);
}

/** A day as a heading: "Today", "Yesterday", "Monday, 24 August". `day` is "2026-08-24". */
export function dayWords(day, now = new Date()) {
  const [year, month, date] = day.split("-").map(Number);
  const back = Math.round(
    (Date.UTC(year, month - 1, date) - Date.UTC(now.getFullYear(), now.getMonth(), now.getDate())) / 864e5,
  );
  const near = form(Intl.RelativeTimeFormat, { numeric: "auto" }).format(back, "day");
  /** @type {Intl.DateTimeFormatOptions} */
  const how = {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: year === now.getFullYear() ? undefined : "numeric",
  };
  const words = back >= -1 && back <= 0 ? near : form(Intl.DateTimeFormat, how).format(new Date(year, month - 1, date));
  return words.charAt(0).toLocaleUpperCase(format.language) + words.slice(1);
}

/** How long a clip plays, and how many pictures it has. @param {{ duration_s: number, frames: number }} video */
export function lengthOf({ duration_s: seconds, frames }) {
  return `${duration(seconds)} · ${t("clip_frames", { count: frames })}`;
}
