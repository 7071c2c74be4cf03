// Adding a person: the picture, the name, and the consent without which nothing is kept.
import { announce, attempt } from "../announce.js";
import { button, checkbox, field } from "../control.js";
import { ask } from "../dialog.js";
import { fill, h } from "../element.js";
import { icon } from "../icon.js";
import { filesDropped } from "../pictures.js";
import { choose } from "../swap/drop.js";
import { t } from "../words.js";
import { expirySelect, from, SPANS } from "./expiry.js";

/** Resolves to true when a person was added. */
export function addReference(app, files = []) {
  return ask(t("add_face"), (close) => {
    const form = { files, name: "", basis: "", adult: false, seconds: SPANS.at(-1) };
    const save = h("button", { class: "primary", disabled: true }, t("add_face"));
    const check = () => (save.disabled = !(form.files.length > 0 && form.name && form.basis && form.adult));
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
      attempt(() => keep(app, form, close));
    };
    return h(
      "form",
      { class: "dialog-body", onsubmit: submit },
      pictureField(form, check),
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
}

async function keep({ api, pictures }, { files, name, basis, adult, seconds }, close) {
  const picture = await pictures.putAll(files);
  await api.post("/v1/references", { picture, name, basis, adult, expires_at: from(seconds) });
  announce(t("face_added", { name }));
  close(true);
}

function pictureField(form, check) {
  const place = h("div", { class: "face-drop" });
  /** @param {File[]} files */
  const take = (files) => {
    if (files.length === 0) return;
    form.files = files;
    show();
    check();
  };
  const show = () => {
    const [first] = form.files;
    const pick = button(t(first ? "another_picture" : "choose_picture"), "plus", () => choose(take), {
      type: "button",
      id: "choose-face",
    });
    fill(
      place,
      first ? h("img", { src: URL.createObjectURL(first), alt: t("chosen_picture") }) : icon("faces"),
      h(
        "div",
        {},
        pick,
        first ? h("b", {}, t("pictures_count", { count: form.files.length })) : null,
        h("p", { class: "hint" }, `${t("references_hint")} ${t("references_together")}`),
      ),
    );
  };
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    filesDropped(event.dataTransfer).then(take);
  });
  show();
  return place;
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
