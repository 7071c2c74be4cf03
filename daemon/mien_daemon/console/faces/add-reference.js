// Adding a person: the picture, the name, and the consent without which nothing is kept.
import { announce, attempt } from "../announce.js";
import { checkbox, field } from "../control.js";
import { ask } from "../dialog.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { t } from "../words.js";
import { expirySelect, from, SPANS } from "./expiry.js";
import { pictureField } from "./gathering.js";

/** Resolves to true when a person was added. */
export async function addReference(app, files = []) {
  let release = () => {};
  const isAdded = await ask(t("add_face"), (close) => {
    const form = { name: "", basis: "", adult: false, seconds: SPANS.at(-1) };
    const save = h("button", { class: "primary", disabled: true }, t("add_face"));
    const check = () => (save.disabled = !(shown.names().length > 0 && form.name && form.basis && form.adult));
    const shown = pictureField(app, files, () => check());
    release = shown.release;
    const note = (name) => (value) => {
      form[name] = value;
      check();
    };
    const name = h("input", {
      type: "text",
      maxlength: 60,
      required: true,
      autocomplete: "off",
      oninput: () => note("name")(name.value.trim()),
    });
    const submit = (event) => {
      event.preventDefault();
      attempt(() => keep(app, { ...form, picture: shown.names() }, close));
    };
    return h(
      "form",
      { class: "dialog-body", onsubmit: submit },
      shown.element,
      field(t("name"), name, t("face_name_hint")),
      h(
        "fieldset",
        {},
        h("legend", {}, t("basis")),
        ["self", "written-permission"].map((basis) => radio(basis, note("basis"))),
      ),
      checkbox(t("consent_adult_person"), false, note("adult")),
      field(t("consent_until"), expirySelect(note("seconds"))),
      h("p", { class: "hint lead" }, icon("lock"), t("consent_record")),
      h("footer", {}, h("button", { type: "button", onclick: () => close(false) }, t("cancel")), save),
    );
  });
  release();
  return isAdded;
}

async function keep({ api }, { picture, name, basis, adult, seconds }, close) {
  await api.post("/v1/references", { picture, name, basis, adult, expires_at: from(seconds) });
  announce(t("face_added", { name }));
  close(true);
}

function radio(basis, onchange) {
  const id = `basis-${basis}`;
  return h(
    "div",
    { class: "check" },
    h("input", { type: "radio", name: "basis", id, value: basis, onchange: () => onchange(basis) }),
    h("label", { for: id }, t(`basis_${basis.replace("-", "_")}`)),
  );
}
