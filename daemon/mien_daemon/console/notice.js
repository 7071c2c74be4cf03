// What a view shows instead of content: nothing there yet, on its way, or refused.
import { button } from "./control.js";
import { h } from "./element.js";
import { icon } from "./icon.js";
import { detail, exactLanguage, sentence } from "./problem.js";
import { t } from "./words.js";

export function empty(name, title, text, ...actions) {
  return h(
    "div",
    { class: "notice" },
    h("div", { class: "notice-mark" }, icon(name)),
    h("h2", {}, title),
    h("p", {}, text),
    actions,
  );
}

export function loading(label = t("loading")) {
  return h("div", { class: "notice", role: "status" }, h("div", { class: "spinner" }), h("p", {}, label));
}

export function refused(document, again) {
  const words = sentence(document);
  const more = detail(document);
  return h(
    "div",
    { class: "notice", role: "alert" },
    h("div", { class: "notice-mark bad" }, icon("warning")),
    h("h2", {}, words),
    more && more !== words ? h("p", { class: "hint exact", lang: exactLanguage(document) }, more) : null,
    again ? button(t("try_again"), "retry", again) : null,
  );
}

/** Fill `place` with what `load` gives `build`, with the states in between. */
export async function fillWhenLoaded(place, load, build, signal) {
  place.replaceChildren(loading());
  try {
    const content = await load();
    if (!signal.aborted) place.replaceChildren(build(content));
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    if (!error.document) throw error;
    place.replaceChildren(refused(error.document, () => fillWhenLoaded(place, load, build, signal)));
  }
}
