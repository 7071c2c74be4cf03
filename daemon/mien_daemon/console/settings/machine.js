// What Mien runs on, who works there, and where it keeps things.
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { bytes, t } from "../words.js";
import { workers } from "./workers.js";

export function machine(app, signal) {
  const place = h("div", {});
  fillWhenLoaded(place, () => app.api.get("/v1/machine"), build, signal);
  return h("div", { class: "stack" }, h("h3", {}, t("workers")), workers(app, signal), place);
}

function build(found) {
  return h(
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
  );
}

function pair(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}
