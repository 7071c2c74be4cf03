// The engines as cards: what each is good for, how long it took here, and what it lacks.
import { h } from "../element.js";
import { fitWords } from "../engine-fit.js";
import { bytes, duration, t } from "../words.js";
import { engineSummary, engineWords, isOurs } from "./option-words.js";

/**
 * @param {any} draft
 * @param {any[]} jobs that this page knows of
 */
export function engineChoice(draft, jobs) {
  const { engine: chosen } = draft;
  const known = draft.engines.length ? draft.engines : [{ name: chosen, summary: "", ready: true }];
  const isFirst = ({ name, ready }) => ready || name === chosen || isOurs(name);
  const card = (engine) => engineCard(draft, engine, secondsOf(jobs, engine.name));
  const others = known.filter((engine) => !isFirst(engine));
  return h(
    "div",
    { class: "stack small", role: "radiogroup", "aria-label": t("engine") },
    known.filter(isFirst).map(card),
    others.length
      ? h("details", { class: "drawer bare" }, h("summary", {}, t("more_engines")), others.map(card))
      : null,
  );
}

function engineCard(draft, { name, summary, ready, downloadBytes, need }, seconds) {
  const facts = [
    seconds ? t("seconds_here", { time: duration(seconds) }) : "",
    ready || !downloadBytes ? "" : t("size_to_get", { size: bytes(downloadBytes) }),
    need && (!ready || need.fits === "no") ? fitWords(need, draft.machine) : "",
  ];
  const words = h("span", { class: "choice-words" }, h("b", {}, engineWords(name)));
  words.append(h("span", { class: "hint" }, engineSummary({ name, summary })));
  const told = facts.filter(Boolean).join(" · ");
  if (told) words.append(h("span", { class: "choice-facts", "data-fits": need?.fits }, told));
  const input = h("input", {
    type: "radio",
    name: "engine",
    value: name,
    checked: name === draft.engine,
    "aria-label": engineWords(name),
    onchange: () => draft.set({ engine: name, versus: "" }),
  });
  return h("label", { class: "choice", "data-ready": ready ? "" : null, "data-engine": name }, input, words);
}

/** How long the engine took for the latest picture that was made here; undefined where none was. */
export function secondsOf(jobs, engine) {
  const done = jobs.filter(({ state, result }) => state === "done" && result?.engine === engine && !result.video);
  const latest = done.toSorted((one, other) => (one.finished_at < other.finished_at ? 1 : -1))[0];
  return latest?.result.seconds;
}
