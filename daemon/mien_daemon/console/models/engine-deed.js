// The one thing to do next about an engine, as a button.
import { announce, attempt } from "../announce.js";
import { button } from "../control.js";
import { confirm } from "../dialog.js";
import { h } from "../element.js";
import { fitWords } from "../engine-fit.js";
import { engineWords } from "../swap/option-words.js";
import { bytes, t } from "../words.js";
import { fetchModels } from "./fetch.js";
import { isUnderWay } from "./model-list.js";

/** The next step: stop what runs, install, fetch, or use. */
export function deed(app, list, engine, transfer) {
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

/** What `deed` goes by: it is made anew when that is another. */
export function deedKey(engine, transfer) {
  return [engine.state, engine.download_bytes, engine.part?.obstacle, isUnderWay(transfer)].join();
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
