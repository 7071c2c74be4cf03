// One model: for what, how large, under which licence, its state, and what can be done about it.
import { announce, attempt } from "../announce.js";
import { bar, iconButton, setBar } from "../control.js";
import { confirm } from "../dialog.js";
import { h, refill } from "../element.js";
import { sentence } from "../problem.js";
import { bytes, duration, knows, percent, t } from "../words.js";
import { fetchModels } from "./fetch.js";
import { readLicence } from "./licence.js";
import { isUnderWay } from "./model-list.js";
import { engineWords } from "../swap/option-words.js";

export function modelRow(app, list, { name }, owners) {
  const title = h("strong", {});
  const facts = h("span", { class: "row-note" });
  const licence = h("button", { class: "link", onclick: () => readLicence(app, list, name) });
  const commercial = h("span", { class: "chip" });
  const state = h("span", { class: "row-state", role: "status" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  const element = h(
    "li",
    { class: "row model", "data-model": name },
    h("div", { class: "row-main" }, h("p", {}, title, facts), h("p", {}, licence, commercial), track),
    state,
    actions,
  );
  let built = "";
  return {
    element,
    update(model) {
      const transfer = list.transferOf(name);
      const others = model.needed_by.filter((what) => !owners.includes(what));
      title.textContent = model.title;
      facts.textContent = [sizeWords(model), ...others.map(neededBy)].join(" · ");
      licence.textContent = model.licence;
      commercial.textContent = t(model.commercial_use ? "commercial_yes" : "commercial_no");
      state.textContent = stateWords(model, transfer);
      element.dataset.state = transfer?.state ?? model.state;
      track.hidden = !transfer || !["running", "paused"].includes(transfer.state);
      setBar(track, transfer?.total_bytes ? transfer.done_bytes / transfer.total_bytes : 0);
      // One that waits and one that runs have the same buttons: a press while it begins meets the one it was meant for.
      const key = [model.state, transfer?.action, isUnderWay(transfer) || transfer?.state].join();
      if (key === built) return;
      built = key;
      refill(actions, deeds(app, list, model, transfer));
    },
  };
}

/** Bytes; of a model whose source has not told them yet, what it takes in memory, which is about as much. */
export const sizeOf = ({ size, memory_mib }) => size || memory_mib * 2 ** 20;

function sizeWords(model) {
  if (model.size) return bytes(model.size);
  return model.memory_mib ? t("size_about", { size: bytes(sizeOf(model)) }) : t("size_unknown");
}

function neededBy(what) {
  const key = `needed_${what.replaceAll(" ", "_")}`;
  return knows(key) ? t(key) : engineWords(what);
}

function stateWords(model, transfer) {
  return transfer ? transferWords(transfer) : t(`model_${model.state}`);
}

/** How far something is that takes longer, or how it ended. */
export function transferWords(transfer) {
  if (transfer.problem) return troubleWords(transfer.problem);
  if (transfer.state !== "running") return t(`transfer_${transfer.state}`);
  const share = transfer.total_bytes ? percent(transfer.done_bytes / transfer.total_bytes) : "";
  const rate = transfer.bytes_per_s ? t("per_second", { size: bytes(transfer.bytes_per_s) }) : "";
  const left = transfer.eta_s ? t("time_left", { time: duration(Math.ceil(transfer.eta_s)) }) : "";
  return [t(`transfer_${transfer.stage || "running"}`), share, rate, left].filter(Boolean).join(" · ");
}

/** What went wrong, with the figures where it has any. */
function troubleWords(problem) {
  const { code, reason, needed_bytes: needed, free_bytes: free } = problem;
  if (code === "download-failed" && reason === "not-found") return t("download_not_found");
  const room = needed && free !== undefined ? t("disk_needed", { needed: bytes(needed), free: bytes(free) }) : "";
  return [sentence(problem), room].filter(Boolean).join(" ");
}

function deeds(app, list, model, transfer) {
  const { name } = model;
  const deed = (icon, words, work) =>
    iconButton(icon, `${words}: ${model.title}`, () => attempt(work), { "data-deed": icon });
  const post = (verb) => () => list.post(`/v1/models/${name}/${verb}`);
  const get = (words) => deed("download", words, () => fetchModels(app, list, [name]));
  const cancel = deed("close", t("cancel"), post("cancel"));
  if (transfer?.action === "download") {
    if (isUnderWay(transfer)) return [deed("pause", t("pause"), post("pause")), cancel];
    const again = () => fetchModels(app, list, [name]);
    const isPaused = transfer.state === "paused";
    return [isPaused ? deed("play", t("resume"), again) : deed("retry", t("try_again"), again), cancel];
  }
  if (isUnderWay(transfer)) return [];
  // What every swap takes is not thrown away by a slip: the command line removes it.
  const isStarter = model.bundles.includes("starter");
  const remove = isStarter ? [] : [deed("trash", t("remove"), () => removeModel(app, list, model))];
  if (model.state === "ready")
    return [
      deed(
        "shield",
        t("verify"),
        async () => (await list.post("/v1/model-store/verify", { names: [name] }), announce(t("verify_begun"))),
      ),
      ...remove,
    ];
  if (model.state === "unverified") return [get(t("ask_source")), ...remove];
  return [get(t(model.state === "partial" ? "resume" : "download")), ...(model.state === "missing" ? [] : remove)];
}

async function removeModel({ api }, list, model) {
  if (
    !(await confirm(
      t("remove_title", { name: model.title }),
      t("remove_text", { size: bytes(model.size) }),
      t("remove"),
    ))
  )
    return;
  await api.delete(`/v1/models/${model.name}`);
  await list.load();
}
