// The models of an engine, one a row, behind *Details*; the rows are made when they are first looked at.
import { h } from "../element.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { modelRow } from "./model-row.js";

/**
 * @param {any} app
 * @param {import("./model-list.js").ModelList} list
 * @param {() => any[]} models
 * @param {string[]} owners the engines that are named above: a row does not say them again
 */
export function parts(app, list, models, owners = []) {
  const body = h("ul", { class: "rows" });
  const label = h("span", {});
  const fillRows = rows(
    body,
    ({ name }) => name,
    (model) => modelRow(app, list, model, owners),
  );
  const show = () => {
    const shown = models();
    element.hidden = shown.length === 0;
    label.textContent = t("details_of", { count: shown.length });
    if (element.open) fillRows(shown);
  };
  const element = /** @type {HTMLDetailsElement} */ (
    h("details", { class: "parts", ontoggle: show }, h("summary", {}, label), body)
  );
  return { element, show };
}
