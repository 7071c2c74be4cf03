// What a result says of itself: how near it is to whom, how long it took, how it is marked.
import { h } from "../element.js";
import { icon } from "../icon.js";
import { bytes, duration, lengthOf, number, t } from "../words.js";
import { engineWords } from "../swap/option-words.js";

/**
 * `result` is a finished job's report; `memory` the bytes its engine needs, where known; `actions` are at its head.
 * @param {any} result
 * @param {number} [memory]
 * @param {HTMLElement[] | null} [actions]
 * @param {(name: string) => HTMLElement} [image] shows a picture by its name
 */
export function report(result, memory, actions = null, image = () => h("span")) {
  const swapped = result.faces?.filter((face) => face.swapped) ?? [];
  return h(
    "div",
    { class: "report" },
    h(
      "div",
      { class: "report-head" },
      facts(result, memory),
      actions ? h("div", { class: "group end" }, actions) : null,
    ),
    (result.warnings ?? []).map(caution),
    result.left_out?.length ? leftOut(result.left_out, image) : null,
    swapped.map((face) => faceReport(face, swapped.length)),
    result.provenance ? provenance(result.provenance) : null,
  );
}

/** The pictures of references that were not used, and why. */
function leftOut(pictures, image) {
  return h(
    "section",
    { class: "left-out" },
    h("h4", {}, t("left_out")),
    h(
      "ul",
      { class: "tiles" },
      pictures.map(({ name, why }) => {
        const words = t(`left_out_${why.replaceAll("-", "_")}`);
        return h("li", { class: "tile" }, image(name), h("span", { class: "tile-name", title: words }, words));
      }),
    ),
  );
}

function facts({ engine, seconds, size, video }, memory) {
  return h(
    "dl",
    { class: "facts" },
    fact(t("engine"), engineWords(engine)),
    fact(t("time_taken"), duration(seconds)),
    fact(t("size"), size.join(" × ")),
    video ? fact(t("clip_length"), lengthOf(video)) : null,
    memory ? fact(t("memory"), bytes(memory)) : null,
  );
}

function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

function faceReport({ index, identity, verdict, naturalness, faults, retried, warnings }, count) {
  return h(
    "section",
    { class: "face-report" },
    count > 1 ? h("h4", {}, t("face_number", { number: index + 1 })) : null,
    identity
      ? [
          // A result of an older version has no verdict.
          score(t("to_reference"), identity.to_reference, verdict && verdict !== "clear" ? "plain" : "good"),
          score(t("to_target"), identity.to_target, "plain"),
        ]
      : null,
    typeof naturalness === "number" ? score(t("naturalness"), naturalness, faults.length ? "plain" : "good") : null,
    // "not" is said by the warning `weak-identity`.
    verdict && verdict !== "not" ? likeness(verdict) : null,
    [...warnings, ...(faults ?? [])].map(caution),
    retried && faults.length ? h("p", { class: "hint" }, t("retried")) : null,
  );
}

function likeness(verdict) {
  const clear = verdict === "clear";
  return h(
    "p",
    { class: clear ? "verdict-line ok" : "caution" },
    icon(clear ? "check" : "warning"),
    t(`verdict_${verdict}`),
  );
}

function caution(warning) {
  return h("p", { class: "caution" }, icon("warning"), t(`warning_${warning.replaceAll("-", "_")}`));
}

function score(label, value, kind) {
  const meter = h("div", {
    class: "meter",
    "data-kind": kind,
    vars: { done: `${Math.max(0, Math.min(1, value)) * 100}%` },
  });
  return h(
    "div",
    { class: "score" },
    h("span", {}, label),
    h("b", {}, number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 })),
    meter,
  );
}

function provenance({ c2pa, watermark }) {
  return h(
    "div",
    { class: "marks" },
    h("p", { class: c2pa ? "ok" : "caution" }, icon("shield"), t(c2pa ? "credentials_yes" : "credentials_no")),
    h("p", { class: watermark === "none" ? "caution" : "ok" }, icon("shield"), t(`watermark_${watermark}`)),
    h("p", { class: "hint" }, t("not_the_target")),
  );
}
