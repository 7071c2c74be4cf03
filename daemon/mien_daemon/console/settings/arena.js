// What a person found better of two results, counted; kept in this browser, and forgotten here.
import { button } from "../control.js";
import { fill, h } from "../element.js";
import { t } from "../words.js";
import { scoreList } from "../viewer/vote.js";

export function arenaSettings({ arena }) {
  const element = h("div", { class: "stack" });
  const show = () =>
    fill(
      element,
      h("p", { class: "hint", tabindex: -1 }, t(arena.votes.length ? "arena_hint" : "arena_none")),
      arena.votes.length ? scoreList(arena) : null,
      arena.votes.length ? h("div", {}, button(t("arena_forget"), "trash", forget)) : null,
    );
  const forget = () => {
    arena.forget();
    show();
    element.querySelector("p")?.focus(); // the button that had it is gone
  };
  show();
  return element;
}
