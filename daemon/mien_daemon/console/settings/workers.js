// Who does the work: a row for each device, with what its workers do and hold, and a way to get that memory back.
import { announce, attempt } from "../announce.js";
import { button } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { rows } from "../rows.js";
import { engineWords } from "../swap/option-words.js";
import { t } from "../words.js";
import { deviceWords } from "./devices.js";

export function workers(app, signal) {
  const { health } = app;
  const list = h("ul", { class: "rows" });
  const show = rows(
    list,
    ({ device }) => device,
    ({ device }) => deviceRow(app, device),
  );
  const update = () => show(byDevice(health.current?.workers ?? []));
  health.addEventListener("change", update, { signal });
  update();
  return list;
}

/** Two workers on the processors are one device: their memory is given back together. */
export function byDevice(all) {
  const devices = new Map();
  for (const worker of all) devices.set(worker.device, [...(devices.get(worker.device) ?? []), worker]);
  return [...devices].map(([device, on]) => ({ device, workers: on }));
}

function deviceRow({ api, health }, device) {
  const states = h("div", { class: "worker-states" });
  const post = (path, said) =>
    attempt(async () => (await api.post(path), await health.load(), said && announce(t(said))));
  const unload = button(t("unload"), "down", () =>
    post(`/v1/worker/unload?device=${encodeURIComponent(device)}`, "unloaded"),
  );
  const restart = button(t("worker_restart"), "retry", () => post("/v1/worker/restart", ""));
  const element = h(
    "li",
    { class: "row worker", "data-device": device },
    icon("models"),
    h("div", { class: "row-main" }, h("strong", {}, deviceWords(device)), states),
    h("div", { class: "row-actions wrap" }, restart, unload),
  );
  return { element, update };

  function update({ workers: on }) {
    states.replaceChildren(...on.map(workerState));
    // One at work keeps its memory: the daemon refuses that, so it is not offered.
    unload.disabled = on.some(({ state }) => state === "busy") || on.every(({ state }) => state === "stopped");
    restart.hidden = !on.some(({ state }) => state === "degraded");
  }
}

function workerState({ state, engine }) {
  const held = engine ? ` · ${t("worker_holds", { engine: engineWords(engine) })}` : "";
  return h("p", { class: "daemon-state", "data-state": state }, `${t(`worker_${state}`)}${held}`);
}
