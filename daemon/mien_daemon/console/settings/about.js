// What this is, and the licences that its user is bound by.
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { t } from "../words.js";

export function about({ api, health }, signal) {
  const place = h("div", {});
  fillWhenLoaded(
    place,
    () => api.get("/v1/models"),
    ({ models }) => build(models, health.current?.version),
    signal,
  );
  return place;
}

function build(models, version) {
  const licences = new Map(models.map((model) => [model.licence, model]));
  const line = ([name, { licence_url: url, commercial_use: commercial }]) =>
    h(
      "div",
      {},
      h("dt", {}, h("a", { href: url, target: "_blank", rel: "noreferrer" }, name)),
      h("dd", {}, t(commercial ? "commercial_yes" : "commercial_no")),
    );
  return h(
    "div",
    { class: "stack" },
    h("p", {}, t("about_mien", { version: version ?? "" })),
    h("p", { class: "hint" }, t("about_code")),
    h(
      "details",
      { class: "drawer" },
      h("summary", {}, t("licences_count", { count: licences.size })),
      h("dl", { class: "pairs" }, [...licences].map(line)),
    ),
  );
}
