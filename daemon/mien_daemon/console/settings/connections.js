// Every connection that left the machine, and why: the newest, and all of them when asked.
import { button } from "../control.js";
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { moment, t } from "../words.js";

const SHOWN = 6;

export function connections({ api }, signal) {
  const place = h("div", { class: "stack" });
  fillWhenLoaded(
    place,
    () => api.get("/v1/model-store/connections"),
    ({ connections: list }) => build(list.reverse()),
    signal,
  );
  return h("div", { class: "stack" }, h("p", { class: "hint" }, t("connections_hint")), place);
}

function build(list) {
  if (list.length === 0) return h("p", {}, t("no_connections"));
  const heads = ["when", "host", "model"].map((name) => h("th", { scope: "col" }, t(`column_${name}`)));
  const body = h("tbody", {}, list.slice(0, SHOWN).map(line));
  const more = button(t("show_all", { total: list.length }), "down", () => {
    body.append(...list.slice(SHOWN).map(line));
    more.remove();
  });
  more.hidden = list.length <= SHOWN;
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": t("settings_connections") },
      h("table", {}, h("thead", {}, h("tr", {}, heads)), body),
    ),
    h("div", {}, more),
  );
}

function line({ at, host, model }) {
  return h("tr", {}, h("td", {}, moment(Date.parse(at) / 1000)), h("td", {}, h("code", {}, host)), h("td", {}, model));
}
