// What can be done with the results that are chosen; it appears with the first of them.
import { button, iconButton, spare } from "../control.js";
import { h } from "../element.js";
import { t } from "../words.js";
import { remove, save, star } from "./deeds.js";
import { compareChosen } from "./gallery.js";

export function selectionBar(app, selection, listed, signal) {
  const chosen = () => listed().filter(({ id }) => selection.has(id));
  const count = h("strong", { role: "status" });
  const compare = button(spare(t("compare")), "columns", () => compareChosen(app, chosen()));
  const element = h(
    "div",
    { class: "selection-bar", role: "toolbar", "aria-label": t("selection"), hidden: true },
    count,
    compare,
    iconButton("star", t("star_chosen"), () => star(app, chosen())),
    iconButton("trash", t("delete"), () => remove(app, chosen())),
    button(spare(t("save_chosen")), "download", () => save(app, chosen()), { class: "primary" }),
    iconButton("close", t("selection_clear"), () => selection.clear()),
  );
  const show = () => {
    const lost = selection.size === 0 && element.contains(document.activeElement);
    count.textContent = t("selected_count", { count: selection.size });
    compare.disabled = selection.size !== 2;
    compare.title = t("compare_hint");
    element.hidden = selection.size === 0;
    if (lost) document.querySelector("main")?.focus();
  };
  selection.addEventListener("change", show, { signal });
  return element;
}
