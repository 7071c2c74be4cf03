// The people of the library as cards, found by their names and put in the order that a person wants.
import { button, select } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { empty } from "../notice.js";
import { finds } from "../search.js";
import { t } from "../words.js";
import { referenceCard } from "./reference-card.js";

const HANDFUL = 6; // so many are seen at a glance

/** @type {Record<string, (one: any, other: any) => number>} */
const ORDERS = {
  name: (one, other) => one.name.localeCompare(other.name),
  newest: (one, other) => other.given_at.localeCompare(one.given_at),
  ending: (one, other) => endOf(one).localeCompare(endOf(other)),
};
const endOf = ({ expires_at: end }) => end ?? "never"; // after every date, as ISO 8601 writes them

/**
 * @param {any} app  `seen.faces` keeps what is looked for and the order
 * @param {any[]} references
 * @param {() => void} again  loads them anew
 */
export function shelf(app, references, again) {
  const wish = app.seen.faces;
  const list = h("ul", { class: "people" });
  const cards = references.map((reference) => ({ reference, element: referenceCard(app, reference, again) }));
  const reset = () => {
    wish.words = search.value = "";
    arrange();
    search.focus();
  };
  const all = button(t("show_all_faces"), "undo", reset);
  const nobody = h("div", { class: "card" }, empty("search", t("no_face_found"), t("no_face_found_hint"), all));
  const count = h("span", { class: "hint", role: "status" });
  const search = h("input", {
    type: "search",
    value: wish.words,
    placeholder: t("search_faces"),
    "aria-label": t("search_faces"),
    oninput: () => ((wish.words = search.value), arrange()),
  });
  const order = select(
    Object.keys(ORDERS).map((name) => [name, t(`order_${name}`)]),
    wish.order,
    (name) => ((wish.order = name), arrange()),
  );
  const bar = h(
    "search",
    { class: "filter-bar", hidden: references.length <= HANDFUL },
    h("div", { class: "search" }, icon("search"), search),
    h("label", { class: "inline" }, t("order"), order),
    count,
  );
  arrange();
  return h("div", { class: "stack" }, bar, nobody, list);

  function arrange() {
    const words = bar.hidden ? "" : wish.words;
    const found = cards.filter(({ reference }) => finds(words, reference.name));
    found.sort((one, other) => ORDERS[wish.order](one.reference, other.reference));
    list.replaceChildren(...found.map(({ element }) => element));
    count.textContent = t("people_count", { count: found.length });
    nobody.hidden = found.length > 0;
  }
}
