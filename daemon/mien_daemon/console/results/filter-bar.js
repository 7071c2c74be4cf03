// The head of the gallery: a search by face and file, and a chip for each engine and warning that occurs.
import { h } from "../element.js";
import { icon } from "../icon.js";
import { rows } from "../rows.js";
import { engineWords } from "../swap/option-words.js";
import { knows, number, t } from "../words.js";
import { cautionsOf, engineOf, everything, matches, tally } from "./filter.js";

/**
 * `changed` is called whenever `filter` is another one; `show(jobs, people)` offers what occurs in them; `reset()` asks
 * for nothing any more.
 */
export function filterBar(filter, changed) {
  const search = h("input", {
    type: "search",
    value: filter.words,
    placeholder: t("search_results"),
    "aria-label": t("search_results"),
    oninput: () => {
      filter.words = search.value;
      changed();
    },
  });
  const list = h("ul", { class: "chips", "aria-label": t("filters") });
  const show = rows(
    list,
    ({ key }) => key,
    (first) => chip(first, changed),
  );
  return {
    element: h("search", { class: "filter-bar" }, h("div", { class: "search" }, icon("search"), search), list),
    reset() {
      Object.assign(filter, everything());
      search.value = "";
      changed();
      search.focus();
    },
    show(jobs, people) {
      show(chipsFor(jobs, filter, people));
      list.hidden = list.children.length === 0;
    },
  };
}

/** A chip for what would tell results apart, and for what is asked for. */
function chipsFor(jobs, filter, people) {
  const starred = jobs.filter((job) => job.starred).length;
  const star = { key: "star", words: t("filter_starred"), count: starred, isOn: filter.starred };
  const engines = tally(jobs, (job) => [engineOf(job)].filter(Boolean));
  const warnings = tally(jobs, cautionsOf);
  return [
    ...(filter.person ? [personChip(jobs, filter, people)] : []),
    ...(starred > 0 || filter.starred ? [{ ...star, press: () => (filter.starred = !filter.starred) }] : []),
    ...(engines.length > 1 ? engines : []).map((each) => choice("engine", each, filter.engines, engineWords)),
    ...warnings.map((each) => choice("warning", each, filter.warnings, warningWords)),
  ];
}

/** Whose results were asked for; pressed, everybody's are shown again. */
function personChip(jobs, filter, people) {
  const count = jobs.filter((job) => matches(job, { ...everything(), person: filter.person }, people)).length;
  const words = people.get(filter.person) ?? t("name_no_face");
  return { key: "person", kind: "person", words, count, isOn: true, press: () => (filter.person = null) };
}

function choice(kind, [name, count], chosen, wordsOf) {
  const press = () => chosen.delete(name) || chosen.add(name);
  return { key: `${kind} ${name}`, kind, words: wordsOf(name), count, isOn: chosen.has(name), press };
}

/** The short name of a warning where there is one, else its sentence. */
function warningWords(name) {
  const key = name.replaceAll("-", "_");
  return t(knows(`caution_${key}`) ? `caution_${key}` : `warning_${key}`);
}

function chip({ key, kind }, changed) {
  const words = h("span", {});
  const figure = h("span", { class: "chip-count" });
  let press = () => {};
  const button = h(
    "button",
    { class: "chip", "data-chip": key, onclick: () => (press(), changed()) },
    kind === "warning" ? icon("warning") : null,
    key === "star" ? icon("star") : null,
    kind === "person" ? icon("faces") : null,
    words,
    figure,
  );
  return {
    element: h("li", {}, button),
    update(now) {
      press = now.press;
      words.textContent = now.words;
      figure.textContent = number(now.count);
      button.setAttribute("aria-pressed", String(now.isOn));
    },
  };
}
