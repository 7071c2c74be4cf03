// Every connection that left the machine, and why.
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { moment, t } from "../words.js";

const SHOWN = 50;

export function connections({ api }, signal) {
  const place = h("div", {});
  fillWhenLoaded(
    place,
    () => api.get("/v1/model-store/connections"),
    ({ connections: list }) => build(list.slice(-SHOWN).reverse()),
    signal,
  );
  return h("div", { class: "stack" }, h("p", { class: "hint" }, t("connections_hint")), place);
}

function build(list) {
  if (list.length === 0) return h("p", {}, t("no_connections"));
  const heads = ["when", "host", "model"].map((name) => h("th", { scope: "col" }, t(`column_${name}`)));
  const lines = list.map(({ at, host, model }) =>
    h("tr", {}, h("td", {}, moment(Date.parse(at) / 1000)), h("td", {}, h("code", {}, host)), h("td", {}, model)),
  );
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": t("settings_connections") },
    h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, lines)),
  );
}
