// Words and numbers as a language writes them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import {
  ago,
  bytes,
  duration,
  LANGUAGES,
  number,
  percent,
  preferred,
  speak,
  t,
} from "../../../daemon/mien_daemon/console/words.js";

test("the language is the person's choice, else the first that the browser asks for and we speak", () => {
  assert.equal(preferred("fr", ["de"]), "fr");
  assert.equal(preferred("", ["pt-BR", "zh-TW", "de"]), "zh_CN");
  assert.equal(preferred("", ["pt"]), "en");
});

test("counts pick their form and gaps are filled", () => {
  speak("en", { jobs_one: "{count} job", jobs_other: "{count} jobs", hello: "Hello {name}, {missing}" });
  assert.equal(t("jobs", { count: 1 }), "1 job");
  assert.equal(t("jobs", { count: 1200 }), "1,200 jobs");
  assert.equal(t("hello", { name: "<b>" }), "Hello <b>, {missing}");
});

test("a language without a singular has one form for all", () => {
  speak("ja", { jobs_other: "{count} 件" });
  assert.equal(t("jobs", { count: 1 }), "1 件");
});

test("sizes and spans stand in their largest unit", () => {
  speak("en", {});
  assert.deepEqual(
    [bytes(0), bytes(999), bytes(2_400_000), bytes(23_800_000_000)],
    ["0 byte", "999 byte", "2.4 MB", "24 GB"],
  );
  assert.deepEqual([duration(0.42), duration(61), duration(86_400 * 7)], ["0.4 sec", "1 min", "7 days"]);
  assert.deepEqual([duration(59.9), duration(31_536_000)], ["1 min", "1 year"]);
});

test("what ends in a year is said to, a moment after as well", () => {
  speak("en", {});
  const year = 31_536_000;
  assert.deepEqual(
    [ago(year, "long", 0), ago(year, "long", 60), ago(300 * 86_400, "long", 0), ago(0, "long", 86_395)],
    ["in 1 year", "in 1 year", "in 300 days", "yesterday"],
  );
});

/** Which of the two spaces that do not break stands in French differs between versions of the browser's forms. */
const evenly = (words) => words.replace(/\s/, " ");

test("a whole percentage reads as the language writes it, without the browser’s own forms", () => {
  for (const language of Object.keys(LANGUAGES)) {
    const file = new URL(`../../../daemon/mien_daemon/console/locales/${language}.json`, import.meta.url);
    speak(language, JSON.parse(readFileSync(file, "utf8")));
    const written = new Intl.NumberFormat(language.replace("_", "-"), { style: "percent" });
    for (const fraction of [0, 0.074, 0.5, 1])
      assert.equal(evenly(percent(fraction)), evenly(written.format(fraction)), language);
  }
});

test("a language’s form is made anew for another language", () => {
  speak("en", { jobs_one: "one", jobs_other: "{count}" });
  assert.equal(t("jobs", { count: 1_000 }), "1,000");
  speak("de", { jobs_one: "one", jobs_other: "{count}" });
  assert.equal(t("jobs", { count: 1_000 }), "1.000");
});

test("a small whole number is written as the language writes it, without the browser’s own forms", () => {
  const { NumberFormat } = Intl;
  const small = [0, 1, 40, 95, 999];
  for (const language of Object.keys(LANGUAGES)) {
    speak(language, {});
    const known = new NumberFormat(language.replace("_", "-"));
    Intl.NumberFormat = /** @type {any} */ (() => assert.fail(`${language} was asked for its form`));
    try {
      for (const value of small) assert.equal(number(value), known.format(value));
    } finally {
      Intl.NumberFormat = NumberFormat;
    }
    for (const value of [1000, -5, 0.25]) assert.equal(number(value), known.format(value));
  }
});
