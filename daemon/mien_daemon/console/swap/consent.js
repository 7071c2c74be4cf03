// The statement that goes with a face that is used once: asked for once in a session, kept nowhere else.
import { ask } from "../dialog.js";
import { checkbox } from "../control.js";
import { h } from "../element.js";
import { t } from "../words.js";

/** Whether pictures of faces may be used in this session; asks the first time. */
export async function mayUse(draft) {
  if (draft.consented) return true;
  draft.consented = Boolean(await ask(t("consent_title"), statement));
  draft.changed();
  return draft.consented;
}

function statement(close) {
  const given = { adult: false, permission: false };
  const go = h("button", { class: "primary", disabled: true }, t("consent_agree"));
  const note = (name) => (checked) => {
    given[name] = checked;
    go.disabled = !(given.adult && given.permission);
  };
  return h(
    "form",
    { class: "dialog-body", onsubmit: (event) => (event.preventDefault(), close(true)) },
    h("p", {}, t("consent_text")),
    checkbox(t("consent_permission"), false, note("permission")),
    checkbox(t("consent_adult"), false, note("adult")),
    h("p", { class: "hint" }, t("consent_note")),
    h("footer", {}, h("button", { type: "button", onclick: () => close(false) }, t("cancel")), go),
  );
}
