// What a result says of itself: in words whether it is the person, and behind one button every number.
import { h } from "../element.js";
import { icon } from "../icon.js";
import { bytes, duration, lengthOf, number, t } from "../words.js";
import { engineWords } from "../swap/option-words.js";
import { choiceWords } from "./choice-words.js";
import { likenessWords, peopleOf, warningsOf } from "./likeness.js";

/**
 * `result` is a finished job's report.
 * @param {any} result
 * @param {object} [more]
 * @param {string} [more.title]
 * @param {boolean} [more.brief] whether it is one line until its details are asked for, where there is room for no more
 * @param {number} [more.memory] the bytes its engine needs, where known
 * @param {any[] | null} [more.actions] what stands at its head
 * @param {(name: string) => HTMLElement} [more.image] shows a picture by its name
 * @param {(index: number) => string | null} [more.who] what the person is called whose face a face of the target got
 */
export function report(
  result,
  { title, brief = !title, memory, actions = null, image = () => h("span"), who = () => null } = {},
) {
  const people = peopleOf(result);
  const numbers = details(result, people, memory);
  const more = detailsButton(numbers);
  return h(
    "div",
    { class: brief ? "report brief" : "report" },
    h(
      "div",
      { class: "report-head" },
      h(
        "div",
        { class: "likenesses" },
        title ? h("h3", {}, title) : null,
        people.map((person) => likeness(person, who(person.index), numbered(result, person))),
      ),
      h("div", { class: "group end" }, more, actions),
    ),
    result.choice ? h("p", { class: "hint choice-why" }, choiceWords(result.choice).join(" ")) : null,
    (result.warnings ?? []).map(caution),
    result.left_out?.length ? leftOut(result.left_out, image) : null,
    numbers,
  );
}

/** "Face 2", of a clip "Person 2"; a result that has one needs no number. */
function numbered(result, { index }) {
  if (peopleOf(result).length < 2) return "";
  return t(result.video ? "person_number" : "face_number", { number: index + 1 });
}

/** One face in words: who it is, and what is wrong with it. */
function likeness(person, name, called) {
  const said = likenessWords(person.verdict, name);
  return h(
    "section",
    { class: "likeness", "data-verdict": person.verdict ?? "none" },
    said || called
      ? h(
          "p",
          { class: "likeness-words", "data-kind": said?.kind ?? "plain" },
          said ? icon(said.icon) : null,
          called ? h("span", { class: "hint" }, called) : null,
          said ? h("strong", {}, said.words) : null,
        )
      : null,
    person.verdict === "not" ? h("p", { class: "hint" }, t("warning_weak_identity")) : null,
    warningsOf(person).map(caution),
    person.retried && person.faults?.length ? h("p", { class: "hint" }, t("retried")) : null,
  );
}

function detailsButton(numbers) {
  const button = h(
    "button",
    {
      class: "quiet details-button",
      "aria-expanded": "false",
      onclick: () => {
        numbers.hidden = !numbers.hidden;
        button.setAttribute("aria-expanded", String(!numbers.hidden));
      },
    },
    t("details"),
    icon("chevron"),
  );
  return button;
}

/** The numbers, the machine and the marks, out of sight until they are asked for. */
function details(result, people, memory) {
  return h(
    "div",
    { class: "details", hidden: true },
    facts(result, memory),
    people.map((person) => scores(person, numbered(result, person))),
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

function scores({ identity, verdict, naturalness, faults }, called) {
  if (!identity && typeof naturalness !== "number") return null;
  const kind = verdict && verdict !== "clear" ? "plain" : "good";
  return h(
    "section",
    { class: "face-report" },
    called ? h("h4", {}, called) : null,
    identity ? score(t("to_reference"), identity.to_reference, kind) : null,
    typeof identity?.to_target === "number" ? score(t("to_target"), identity.to_target, "plain") : null,
    typeof naturalness === "number" ? score(t("naturalness"), naturalness, faults?.length ? "plain" : "good") : null,
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
