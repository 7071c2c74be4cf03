// Models that belong to no engine alone: those that every swap takes, and all that is left.
import { announce } from "../announce.js";
import { bar, button } from "../control.js";
import { h, refill } from "../element.js";
import { bytes, t } from "../words.js";
import { fetchModels } from "./fetch.js";
import { showTransfer } from "./engine-card.js";
import { sizeOf, transferWords } from "./model-row.js";
import { parts } from "./parts.js";

/** @param {"starter" | "other"} name */
export function groupCard(app, list, name) {
  const models = () => list.group(name);
  const chips = h("span", { class: "group" });
  const actions = h("div", { class: "row-actions" });
  const drawer = parts(app, list, models);
  const title = h("div", { class: "card-title" }, h("h2", {}, t(`group_${name}`)), chips);
  const work = h("p", { class: "row-note", role: "status" });
  const track = bar(0, t("progress"));
  const words = h(
    "div",
    { class: "stack small" },
    title,
    h("p", { class: "hint" }, t(`group_${name}_hint`)),
    work,
    track,
  );
  const element = h("section", { class: "card engine-card", "data-group": name, "aria-label": t(`group_${name}`) });
  element.append(h("div", { class: "card-head" }, words, actions), drawer.element);
  let built = "";
  return { element, show };

  function show() {
    const missing = name === "starter" ? models().filter(({ state }) => state !== "ready") : [];
    const transfer = list.workAmong(models());
    element.hidden = models().length === 0;
    work.textContent = transfer ? `${list.models.get(transfer.name).title}: ${transferWords(transfer)}` : "";
    work.hidden = !transfer;
    showTransfer(track, transfer);
    drawer.show();
    const key = missing.map((model) => model.name).join();
    if (built === `${name} ${key}`) return;
    built = `${name} ${key}`;
    const isReady = name === "starter" && missing.length === 0;
    chips.replaceChildren(...(isReady ? [h("span", { class: "chip", "data-kind": "good" }, t("model_ready"))] : []));
    refill(actions, missing.length ? getButton(app, list, missing) : null);
  }
}

function getButton(app, list, missing) {
  const size = missing.reduce((sum, model) => sum + sizeOf(model), 0);
  const names = missing.map(({ name }) => name);
  const begin = async () => (await fetchModels(app, list, names)) && announce(t("download_begun"));
  return button(t("get_engine", { size: bytes(size) }), "download", begin);
}
