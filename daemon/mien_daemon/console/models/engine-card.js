// One engine: what it needs, whether this machine has it, and the one thing to do next.
import { bar, setBar } from "../control.js";
import { fill, h, refill } from "../element.js";
import { fitWords } from "../engine-fit.js";
import { engineSummary, engineWords } from "../swap/option-words.js";
import { bytes, t } from "../words.js";
import { deed, deedKey } from "./engine-deed.js";
import { transferWords } from "./model-row.js";
import { parts } from "./parts.js";

export function engineCard(app, list, name) {
  const facts = h("p", { class: "card-facts" });
  const obstacle = h("p", { class: "caution" });
  const state = h("p", { class: "row-note", role: "status" });
  const chips = h("span", { class: "group" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  const drawer = parts(app, list, () => list.partsOf(name), [name]);
  const title = h("h2", {}, engineWords(name));
  const words = h("div", { class: "stack small" }, h("div", { class: "card-title" }, title, chips), facts);
  words.append(h("p", { class: "hint" }, engineSummary(list.engines.get(name))), obstacle, state, track);
  const head = h("div", { class: "card-head" }, words, actions);
  const element = h("section", { class: "card engine-card", "data-engine": name, "aria-label": engineWords(name) });
  element.toggleAttribute("data-recommended", name === RECOMMENDED);
  element.append(head, drawer.element);
  let built = "";
  return { element, show };

  function show() {
    const engine = list.engines.get(name);
    const transfer = list.workOn(name);
    showFacts(facts, list, engine);
    obstacle.textContent = engine.part?.obstacle ? t(`part_obstacle_${engine.part.obstacle.replaceAll("-", "_")}`) : "";
    obstacle.hidden = !engine.part?.obstacle;
    state.textContent = transfer ? transferWords(transfer) : "";
    state.hidden = !transfer;
    showTransfer(track, transfer);
    drawer.show();
    const key = deedKey(engine, transfer);
    if (key === built) return;
    built = key;
    fill(chips, ...chipsOf(list, engine));
    refill(actions, deed(app, list, engine, transfer));
  }
}

/** What an engine's download takes, and how it fits this machine. */
export function showFacts(facts, list, engine) {
  facts.textContent = [sizeWords(engine), fitWords(engine, list.machine)].filter(Boolean).join(" · ");
  facts.dataset.fits = engine.fits;
}

/** How far a download is, while it runs. */
export function showTransfer(track, transfer) {
  track.hidden = transfer?.state !== "running";
  setBar(track, transfer?.total_bytes ? transfer.done_bytes / transfer.total_bytes : 0);
}

export function sizeWords({ download_bytes: size, state }) {
  return state === "ready" || !size ? "" : t("size_to_get", { size: bytes(size) });
}

/** The engine that needs no graphics card and no download, and whose licence allows every use. */
const RECOMMENDED = "mesh";

function chipsOf(list, { name, state }) {
  const recommended = name === RECOMMENDED ? chip(t("recommended"), "accent") : null;
  const isFree = list.partsOf(name).every((model) => model.commercial_use);
  return [
    recommended,
    state === "ready" ? chip(t("model_ready"), "good") : null,
    isFree ? null : chip(t("commercial_no")),
  ];
}

export function chip(words, kind = "plain") {
  return h("span", { class: "chip", "data-kind": kind }, words);
}
