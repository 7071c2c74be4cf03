// Proof: every weight file in use, with what a third party needs to check it.
import { announce, attempt } from "../announce.js";
import { button } from "../control.js";
import { h } from "../element.js";
import { empty, fillWhenLoaded } from "../notice.js";
import { bytes, moment, t } from "../words.js";

export function verifyTable({ api }) {
  const place = h("div", { class: "stack" });
  fillWhenLoaded(
    place,
    () => api.get("/v1/verify"),
    ({ files }) =>
      files.length ? table(api, files) : empty("shield", t("nothing_verified"), t("nothing_verified_hint")),
    new AbortController().signal,
  );
  return place;
}

function table(api, files) {
  const copy = () =>
    attempt(async () => {
      const response = await api.send("/v1/verify?format=sha256sum");
      await navigator.clipboard.writeText(await response.text());
      announce(t("copied"));
    });
  const heads = ["model", "file", "size", "sha256", "licence", "verified"].map((name) =>
    h("th", { scope: "col" }, t(`column_${name}`)),
  );
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "page-head" },
      h("p", { class: "hint grow" }, t("proof_hint")),
      button(t("copy_checksums"), "copy", copy),
    ),
    h(
      "div",
      { class: "scroll card", tabindex: 0, role: "region", "aria-label": t("models_proof") },
      h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, files.map(line))),
    ),
  );
}

function line({ model, repository, revision, path, size, sha256, licence, verified_at: at }) {
  const source = at ? `${repository} @ ${revision}` : t("model_unverified");
  return h(
    "tr",
    {},
    h("td", {}, model),
    h("td", { title: source }, path, h("small", {}, source)),
    h("td", { class: "number" }, bytes(size)),
    h("td", {}, h("code", { title: sha256 }, `${sha256.slice(0, 12)}…${sha256.slice(-6)}`)),
    h("td", { class: "words" }, licence),
    h("td", {}, at ? moment(Date.parse(at) / 1000) : "–"),
  );
}
