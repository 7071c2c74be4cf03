// What the daemon refuses, as words for a person: the fact and the one thing to do.
import { knows, t } from "./words.js";

export class Problem extends Error {
  constructor(document) {
    super(document.detail ?? document.title ?? document.code);
    this.document = document;
    this.code = document.code;
  }
}

export const UNREACHABLE = { code: "daemon-unreachable" };

/** The sentence for a problem document, in the person's language; the daemon's own words where we have none. */
export function sentence(document) {
  const key = `problem_${(document.code ?? "").replaceAll("-", "_")}`;
  if (knows(key)) return t(key, document);
  return document.detail ?? document.title ?? t("problem_internal_error", { incident: "–" });
}

/** The daemon's own, more exact, statement beneath it, where it adds one. */
export function detail(document) {
  if (document.incident) return t("incident", { incident: document.incident });
  return document.detail ?? "";
}

/** The language of that statement, where it is not the page's: the daemon's own words are English. */
export const exactLanguage = (document) => (document.incident ? null : "en");
