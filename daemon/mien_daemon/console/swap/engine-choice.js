// The engines as cards: what each is good for, how long it took here, and what it lacks.
import { h, setText } from "../element.js";
import { fitWords } from "../engine-fit.js";
import { bytes, duration, t } from "../words.js";
import { engineSummary, engineWords, isOurs } from "./option-words.js";

/**
 * `refresh` says how long each took for the jobs that the page knows by now; no card changes its height.
 * @param {any} draft
 */
export function engineChoice(draft) {
  const { engine: chosen } = draft;
  const known = draft.engines.length ? draft.engines : [{ name: chosen, summary: "", ready: true }];
  const isFirst = ({ name, ready }) => ready || name === chosen || isOurs(name);
  const cards = new Map(known.map((engine) => [engine, engineCard(draft, engine)]));
  const elementsOf = (some) => some.map((engine) => cards.get(engine)?.element);
  const others = known.filter((engine) => !isFirst(engine));
  const refresh = (/** @type {any[]} */ jobs) => {
    for (const [{ name }, card] of cards) card.tell(secondsOf(jobs, name));
  };
  const element = h(
    "div",
    { class: "stack small", role: "radiogroup", "aria-label": t("engine") },
    elementsOf(known.filter(isFirst)),
    others.length
      ? h("details", { class: "drawer bare" }, h("summary", {}, t("more_engines")), elementsOf(others))
      : null,
  );
  return { element, refresh };
}

function engineCard(draft, { name, summary, ready, downloadBytes, need }) {
  const facts = [
    ready || !downloadBytes ? "" : t("size_to_get", { size: bytes(downloadBytes) }),
    need && (!ready || need.fits === "no") ? fitWords(need, draft.machine) : "",
  ];
  const time = h("span", { class: "choice-time" });
  const head = h("span", { class: "choice-head" }, h("b", {}, engineWords(name)), time);
  const words = h("span", { class: "choice-words" }, head);
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
  const props = { class: "choice", "data-ready": ready ? "" : null, "data-engine": name };
  const tell = (seconds) => {
    setText(time, seconds ? duration(seconds) : "");
    time.title = seconds ? t("seconds_here", { time: duration(seconds) }) : "";
  };
  return { element: h("label", props, input, words), tell };
}

/** How long the engine took for the latest picture that was made here; undefined where none was. */
export function secondsOf(jobs, engine) {
  const done = jobs.filter(({ state, result }) => state === "done" && result?.engine === engine && !result.video);
  const latest = done.toSorted((one, other) => (one.finished_at < other.finished_at ? 1 : -1))[0];
  return latest?.result.seconds;
}
