// The libraries of an engine: a button that installs them, or the reason why it cannot.
import { announce, attempt } from "../announce.js";
import { bar, button, setBar } from "../control.js";
import { h, refill } from "../element.js";
import { bytes, t } from "../words.js";
import { transferWords } from "./model-row.js";
import { isUnderWay } from "./model-list.js";

/** A row that hides itself once there is nothing to install. */
export function enginePart(list, name) {
  const facts = h("span", { class: "row-note" });
  const state = h("span", { class: "row-state", role: "status" });
  const obstacle = h("p", { class: "caution" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  const title = h("p", {}, h("strong", {}, t("part_title")), facts);
  const main = h("div", { class: "row-main" }, title, obstacle, track);
  const row = h("li", { class: "row model part" }, main, state, actions);
  const element = h("ul", { class: "rows", "data-part": name }, row);
  let built = "";
  return { element, show };

  function show() {
    const part = list.engines.get(name)?.part;
    const transfer = list.transfers.get(`install ${name}`);
    element.hidden = !part;
    if (!part) return;
    const values = { size: bytes(part.download_bytes), device: part.device.toUpperCase() };
    facts.textContent = part.obstacle ? "" : t("part_facts", values);
    obstacle.textContent = part.obstacle ? t(`part_obstacle_${part.obstacle.replaceAll("-", "_")}`) : "";
    obstacle.hidden = !part.obstacle;
    state.textContent = transfer ? transferWords(transfer) : "";
    track.hidden = transfer?.state !== "running";
    setBar(track, transfer?.total_bytes ? transfer.done_bytes / transfer.total_bytes : 0);
    const key = [part.obstacle, part.download_bytes, isUnderWay(transfer)].join();
    if (key === built) return;
    built = key;
    refill(actions, deed(list, name, part, transfer));
  }
}

function deed(list, name, part, transfer) {
  const post = (path) => attempt(async () => (await list.post(`/v1/engines/${name}/${path}`, {}), true));
  if (isUnderWay(transfer)) return button(t("cancel"), "close", () => post("install/cancel"), { class: "quiet" });
  if (part.obstacle) return h("code", {}, part.command);
  const words = t("install_part", { size: bytes(part.download_bytes) });
  return button(words, "download", async () => (await post("install")) && announce(t("install_begun")));
}
