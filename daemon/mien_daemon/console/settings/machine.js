// What Mien runs on and where it keeps things; what each engine needs of it.
import { announce, attempt } from "../announce.js";
import { button } from "../control.js";
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { bytes, t } from "../words.js";
import { engineWords } from "../swap/option-words.js";

export function machine({ api, health }, signal) {
  const place = h("div", {});
  const load = async () => {
    const [found, { engines }] = await Promise.all([api.get("/v1/machine"), api.get("/v1/engines")]);
    return { found, engines };
  };
  fillWhenLoaded(place, load, (both) => build(api, health, both), signal);
  return place;
}

function build(api, health, { found, engines }) {
  const unload = () =>
    attempt(async () => (await api.post("/v1/worker/unload"), await health.load(), announce(t("unloaded"))));
  return h(
    "div",
    { class: "stack" },
    h(
      "dl",
      { class: "pairs" },
      pair(t("system"), found.system),
      pair(t("processors"), String(found.processors)),
      found.memory_bytes ? pair(t("memory"), bytes(found.memory_bytes)) : null,
      found.folders.map(({ purpose, path, free_bytes: free }) =>
        pair(
          t(`folder_${purpose}`),
          h("span", {}, h("code", {}, path), free === null ? "" : ` · ${t("disk_left", { size: bytes(free) })}`),
        ),
      ),
    ),
    h("h3", {}, t("memory_plan")),
    h(
      "ul",
      { class: "rows" },
      engines.map((engine) => need(engine, found.memory_bytes)),
    ),
    h("div", {}, button(t("unload"), "down", unload)),
  );
}

/** How much of the machine an engine takes. */
function need({ name, memory_bytes: needed, device, state, licence }, memory) {
  const share = memory ? Math.min(1, needed / memory) : 0;
  const meter = h("div", {
    class: "meter",
    "data-kind": share < 0.8 ? "good" : "plain",
    vars: { done: `${share * 100}%` },
  });
  return h(
    "li",
    { class: "row plan" },
    h(
      "div",
      { class: "row-main" },
      h(
        "p",
        {},
        h("strong", {}, engineWords(name)),
        h("span", { class: "chip" }, device),
        h("span", { class: "row-note" }, t(`lacks_${state.replace("-", "_")}`)),
      ),
      h("p", { class: "hint" }, licence),
    ),
    h("span", { class: "row-state" }, bytes(needed)),
    meter,
  );
}

function pair(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}
