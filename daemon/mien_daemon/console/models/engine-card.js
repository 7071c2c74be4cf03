// One engine: what it needs, whether this machine has it, and the one thing to do next.
import { announce, attempt } from "../announce.js";
import { bar, button, setBar } from "../control.js";
import { confirm } from "../dialog.js";
import { h, refill } from "../element.js";
import { fitWords } from "../engine-fit.js";
import { engineSummary, engineWords } from "../swap/option-words.js";
import { bytes, t } from "../words.js";
import { fetchModels } from "./fetch.js";
import { isUnderWay } from "./model-list.js";
import { transferWords } from "./model-row.js";
import { parts } from "./parts.js";

export function engineCard(app, list, name) {
  const facts = h("p", { class: "card-facts" });
  const obstacle = h("p", { class: "caution" });
  const state = h("p", { class: "row-note", role: "status" });
  const chips = h("span", { class: "group" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  const drawer = parts(app, list, () => list.partsOf(name));
  const title = h("h2", {}, engineWords(name));
  const words = h("div", { class: "stack small" }, h("div", { class: "card-title" }, title, chips), facts);
  words.append(h("p", { class: "hint" }, engineSummary(list.engines.get(name))), obstacle, state, track);
  const head = h("div", { class: "card-head" }, words, actions);
  const element = h("section", { class: "card engine-card", "data-engine": name, "aria-label": engineWords(name) });
  element.append(head, drawer.element);
  let built = "";
  return { element, show };

  function show() {
    const engine = list.engines.get(name);
    const transfer = list.workOn(name);
    facts.textContent = [sizeWords(engine), fitWords(engine, list.machine)].filter(Boolean).join(" · ");
    facts.dataset.fits = engine.fits;
    obstacle.textContent = engine.part?.obstacle ? t(`part_obstacle_${engine.part.obstacle.replaceAll("-", "_")}`) : "";
    obstacle.hidden = !engine.part?.obstacle;
    state.textContent = transfer ? transferWords(transfer) : "";
    state.hidden = !transfer;
    track.hidden = transfer?.state !== "running";
    setBar(track, transfer?.total_bytes ? transfer.done_bytes / transfer.total_bytes : 0);
    drawer.show();
    const key = [engine.state, engine.download_bytes, engine.part?.obstacle, isUnderWay(transfer)].join();
    if (key === built) return;
    built = key;
    chips.replaceChildren(...chipsOf(list, engine));
    refill(actions, deed(app, list, engine, transfer));
  }
}

function sizeWords({ download_bytes: size, state }) {
  return state === "ready" || !size ? "" : t("size_to_get", { size: bytes(size) });
}

function chipsOf(list, { name, state }) {
  const ready = state === "ready" ? [h("span", { class: "chip", "data-kind": "good" }, t("model_ready"))] : [];
  const isFree = list.partsOf(name).every((model) => model.commercial_use);
  return isFree ? ready : [...ready, h("span", { class: "chip" }, t("commercial_no"))];
}

/** The next step: stop what runs, install, fetch, or use. */
function deed(app, list, engine, transfer) {
  const { name, part, state, download_bytes: size, fetch_models: models } = engine;
  if (isUnderWay(transfer)) return button(t("cancel"), "close", () => stop(list, transfer), { class: "quiet" });
  if (part?.obstacle) return h("code", {}, part.command);
  const begin = (work, said) => () =>
    attempt(async () => (await means(list, engine)) && (await work()) && announce(t(said)));
  if (part) {
    const install = async () => (await list.post(`/v1/engines/${name}/install`, {}), true);
    return button(t("install_part", { size: bytes(part.download_bytes) }), "download", begin(install, "install_begun"));
  }
  if (state === "ready") return button(t("use"), "swap", () => use(app, name));
  const fetch = () => fetchModels(app, list, models);
  return button(t("get_engine", { size: bytes(size) }), "download", begin(fetch, "download_begun"), {
    "data-deed": "get",
  });
}

/** A person confirms a download that does not fit this machine. */
async function means(list, engine) {
  if (engine.fits !== "no") return true;
  const text = t("misfit_text", { name: engineWords(engine.name), facts: fitWords(engine, list.machine) });
  return confirm(t("misfit_title", { name: engineWords(engine.name) }), text, t("misfit_get"));
}

function stop(list, { action, name }) {
  const [engine] = action === "install" ? [name] : [];
  return attempt(() => list.post(engine ? `/v1/engines/${engine}/install/cancel` : `/v1/models/${name}/cancel`));
}

function use({ draft, router }, engine) {
  draft.set({ engine, versus: "" });
  router.go("swap");
}
