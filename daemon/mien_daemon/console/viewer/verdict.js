// What a picture says about itself, in words: credentials, watermark, metadata.
import { h } from "../element.js";
import { icon } from "../icon.js";
import { t } from "../words.js";

export function verdict({ credentials, watermark, metadata }) {
  const { state, trusted, problems = [], actions = [], parents = [] } = credentials;
  const fine = state === "valid";
  return h(
    "div",
    { class: "verdict", role: "status" },
    line(fine ? "ok" : "caution", t(`credentials_${state}`)),
    fine ? line("plain", t(trusted ? "signer_this" : "signer_unknown")) : null,
    problems.map((problem) => line("caution", String(problem.code ?? problem))),
    line(watermark.strength === "none" ? "caution" : "ok", t(`watermark_${watermark.strength}`)),
    actions.length ? h("p", { class: "hint" }, t("actions_recorded", { count: actions.length })) : null,
    parents.length ? h("p", { class: "hint" }, t("parents_recorded", { count: parents.length })) : null,
    parents.some((parent) => parent.state === "invalid") ? line("caution", t("parent_invalid")) : null,
    Object.keys(metadata ?? {}).length
      ? h(
          "details",
          { class: "drawer" },
          h("summary", {}, t("metadata")),
          h("pre", {}, JSON.stringify(metadata, null, 1)),
        )
      : null,
  );
}

function line(kind, text) {
  return h(
    "p",
    { class: `verdict-line ${kind}` },
    icon(kind === "caution" ? "warning" : kind === "ok" ? "shield" : "key"),
    text,
  );
}
