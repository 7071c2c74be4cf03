// The statement that goes with a face that is used once: asked for once in a session, kept nowhere else.
import { ask } from "../dialog.js";
import { checkbox } from "../control.js";
import { h } from "../element.js";
import { t } from "../words.js";

const SHOWN = 5; // pictures

/** Whether `files`, pictures of faces, may be used in this session; asks the first time. */
export async function mayUse(draft, files) {
  if (draft.consented) return true;
  const urls = files.slice(0, SHOWN).map((file) => URL.createObjectURL(file));
  draft.consented = Boolean(await ask(t("consent_title"), (close) => statement(close, urls)));
  for (const url of urls) URL.revokeObjectURL(url);
  draft.changed();
  return draft.consented;
}

function statement(close, urls) {
  const given = { adult: false, permission: false };
  const go = h("button", { class: "primary", disabled: true }, t("consent_agree"));
  const note = (name) => (checked) => {
    given[name] = checked;
    go.disabled = !(given.adult && given.permission);
  };
  return h(
    "form",
    { class: "dialog-body", onsubmit: (event) => (event.preventDefault(), close(true)) },
    h(
      "div",
      { class: "consent-faces" },
      urls.map((src) => h("img", { src, alt: "", onerror: ({ target }) => target.remove() })),
    ),
    h("p", {}, t("consent_text")),
    checkbox(t("consent_permission"), false, note("permission")),
    checkbox(t("consent_adult"), false, note("adult")),
    h("p", { class: "hint" }, t("consent_note")),
    h("footer", {}, h("button", { type: "button", onclick: () => close(false) }, t("cancel")), go),
  );
}
