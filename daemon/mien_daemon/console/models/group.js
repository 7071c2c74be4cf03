// The models that belong together, with the bundles that fetch them at once.
import { announce } from "../announce.js";
import { button } from "../control.js";
import { h, refill } from "../element.js";
import { bytes, knows, t } from "../words.js";
import { enginePart } from "./engine-part.js";
import { fetchModels } from "./fetch.js";
import { modelRow, sizeOf } from "./model-row.js";
import { rows } from "../rows.js";
import { engineWords } from "../swap/option-words.js";

export function group(app, list, name, models) {
  const names = new Set(models.map((model) => model.name));
  const bundles = Object.keys(list.bundles).filter(
    (bundle) =>
      list.bundles[bundle].some((member) => names.has(member)) && (name === "starter") === (bundle === "starter"),
  );
  const actions = h("div", { class: "row-actions wrap" });
  const body = h("ul", { class: "rows" });
  const title = knows(`group_${name}`) ? t(`group_${name}`) : engineWords(name);
  const part = enginePart(list, name);
  const misfit = h("p", { class: "caution" }, t("engine_does_not_fit"));
  let offered = "";
  const show = rows(
    body,
    (model) => model.name,
    (model) => modelRow(app, list, model),
  );
  return {
    element: h(
      "section",
      { class: "group-of-models", "aria-label": title },
      h(
        "header",
        {},
        h(
          "div",
          {},
          h("h2", {}, title),
          h("p", { class: "hint" }, t(knows(`group_${name}_hint`) ? `group_${name}_hint` : "group_hint")),
        ),
        actions,
      ),
      misfit,
      part.element,
      body,
    ),
    show() {
      misfit.hidden = list.engines.get(name)?.fits !== "no";
      part.show();
      show(models.map((model) => list.models.get(model.name)));
      const missing = JSON.stringify(bundles.map((bundle) => list.missing(bundle)));
      if (missing === offered) return;
      offered = missing;
      refill(
        actions,
        bundles.map((bundle) => bundleButton(app, list, bundle)),
      );
    },
  };
}

/** Fetches what is missing of a bundle; nothing when nothing is. */
function bundleButton(app, list, bundle) {
  const missing = list.missing(bundle);
  if (missing.length === 0) return null;
  const size = missing.reduce((sum, model) => sum + sizeOf(model), 0);
  const words = missing.every((model) => model.size > 0) ? "get_bundle" : "get_bundle_about";
  const begin = async () => (await fetchModels(app, list, bundle)) && announce(t("download_begun"));
  return button(t(words, { bundle, size: bytes(size) }), "download", begin);
}
