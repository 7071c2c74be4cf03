// The pictures of one person of the library: looked at, added with the statement of the first, shredded.
import { announce, attempt } from "../announce.js";
import { button, checkbox, iconButton } from "../control.js";
import { ask } from "../dialog.js";
import { fill, h } from "../element.js";
import { filesDropped } from "../pictures.js";
import { choose } from "../swap/drop.js";
import { referenceImage } from "../swap/reference-image.js";
import { t } from "../words.js";

/** Resolves when the dialog is closed. */
export function showPictures(app, reference) {
  const { id, name, usable } = reference;
  return ask(
    t("pictures_of", { name }),
    () => {
      const list = h("ul", { class: "tiles large" });
      const show = ({ pictures }) => fill(list, ...pictures.map((picture, place) => tile(picture, place, pictures)));
      const tile = (picture, place, { length }) =>
        h(
          "li",
          { class: "tile" },
          referenceImage(app, { key: `ref:${id}/${picture}` }),
          length > 1
            ? iconButton("trash", t("shred_picture", { number: place + 1 }), () =>
                attempt(async () => show(await shred(app, id, picture))),
              )
            : null,
        );
      show(reference);
      return h("div", { class: "dialog-body" }, list, usable ? adding(app, reference, show) : null);
    },
    { wide: true },
  );
}

async function shred({ api, pictures }, id, picture) {
  const left = await api.delete(`/v1/references/${id}/pictures/${picture}`);
  pictures.forget(`/v1/references/${id}/`);
  announce(t("picture_shredded"));
  return left;
}

/** The statement of the first picture is made of the further ones too. */
function adding(app, { id, name, basis }, show) {
  const given = { basis: false, adult: false };
  const note = (key) => (checked) => {
    given[key] = checked;
    add.disabled = !(given.basis && given.adult);
  };
  const take = (files) => attempt(async () => files.length > 0 && show(await keep(app, id, basis, files)));
  const add = button(t("more_pictures", { name }), "plus", () => choose(take), { disabled: true, id: "more-pictures" });
  const element = h(
    "div",
    { class: "stack" },
    h("p", { class: "hint" }, `${t("references_hint")} ${t("references_together")}`),
    checkbox(t(`basis_${basis.replace("-", "_")}`), false, note("basis")),
    checkbox(t("consent_adult_person"), false, note("adult")),
    add,
  );
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (!add.disabled) filesDropped(event.dataTransfer).then(take);
  });
  return element;
}

async function keep({ api, pictures }, id, basis, files) {
  const picture = await pictures.putAll(files);
  return api.post(`/v1/references/${id}/pictures`, { picture, basis, adult: true });
}
