// Variants of one network on one card: each in a line with what it needs and the one thing to do next.
import { bar } from "../control.js";
import { h, refill } from "../element.js";
import { engineWords } from "../swap/option-words.js";
import { t } from "../words.js";
import { chip, showFacts, showTransfer } from "./engine-card.js";
import { deed, deedKey } from "./engine-deed.js";
import { transferWords } from "./model-row.js";
import { parts } from "./parts.js";

/**
 * @param {any} app
 * @param {import("./model-list.js").ModelList} list
 * @param {{ family: string, names: string[] }} all
 */
export function familyCard(app, list, { family, names }) {
  const models = () => [
    ...new Map(names.flatMap((name) => list.partsOf(name)).map((each) => [each.name, each])).values(),
  ];
  const chips = h("span", { class: "group" });
  const variants = names.map((name) => variant(app, list, name));
  const drawer = parts(app, list, models, names);
  const words = h(
    "div",
    { class: "stack small family-head" },
    h("div", { class: "card-title" }, h("h2", {}, t(`family_${family}`)), chips),
    h("p", { class: "hint" }, t(`family_${family}_hint`)),
  );
  const lines = h(
    "ul",
    { class: "variants" },
    variants.map(({ element }) => element),
  );
  const element = h("section", {
    class: "card engine-card",
    "data-family": family,
    "aria-label": t(`family_${family}`),
  });
  element.append(h("div", {}, words, lines), drawer.element);
  return { element, show };

  function show() {
    for (const each of variants) each.show();
    const isFree = models().every((model) => model.commercial_use);
    chips.replaceChildren(...(isFree ? [] : [chip(t("commercial_no"))]));
    drawer.show();
  }
}

function variant(app, list, name) {
  const facts = h("p", { class: "card-facts" });
  const state = h("p", { class: "row-note", role: "status" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  const words = h("div", { class: "stack small" }, h("strong", {}, engineWords(name)), facts, state, track);
  const element = h("li", { class: "variant", "data-engine": name }, words, actions);
  let built = "";
  return { element, show };

  function show() {
    const engine = list.engines.get(name);
    const transfer = list.workOn(name);
    showFacts(facts, list, engine);
    state.textContent = transfer ? transferWords(transfer) : engine.state === "ready" ? t("model_ready") : "";
    state.hidden = state.textContent === "";
    state.dataset.state = transfer?.state ?? engine.state;
    showTransfer(track, transfer);
    const key = deedKey(engine, transfer);
    if (key === built) return;
    built = key;
    refill(actions, deed(app, list, engine, transfer));
  }
}
