// The faces of the shown target as a list: who gets whom, in words and small pictures.
import { h, setText } from "../element.js";
import { icon } from "../icon.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { seenWhen } from "./clip-spans.js";
import { faceCrop } from "./face-crop.js";
import { nameOf } from "./person.js";
import { personImage, viewKey } from "./reference-image.js";
import { showPicture } from "./target-picture.js";

const SHEET_REACH = 0.5; // the sheet of a clip's people is made of their crops

export function facesPanel(app) {
  const { draft } = app;
  const list = h("ul", { class: "assignments" });
  const all = h("button", { class: "link", onclick: () => giveAll(draft) }, t("all_faces"));
  const title = h("span", {});
  const element = h("section", { class: "panel", "data-drop": "reference" }, h("h2", {}, title, all), list);
  const show = rows(
    list,
    ({ index, target }) => `${target.digest}/${target.sheet ?? ""}/${index}`,
    (face) => castRow(app, face),
  );
  return {
    element,
    show() {
      const { target } = draft;
      const faces = target?.faces ?? [];
      element.hidden = faces.length === 0;
      setText(title, t(target?.clip ? "people_in_clip" : "faces_in_picture"));
      all.hidden = faces.length < 2 || draft.people.length === 0;
      show(faces.map((face) => ({ ...face, target })));
    },
  };
}

/** Every face gets one, in turn from the left: one reference goes to all, several go round. */
function giveAll(draft) {
  const { target, people } = draft;
  draft.history.keep(draft);
  target.assignments = Object.fromEntries(
    target.faces.map(({ index }, turn) => [index, people[turn % people.length].key]),
  );
  draft.changed();
}

function castRow(app, { index, bbox, spans, target }) {
  const place = h("span", { class: "assignments-to" });
  const label = h("span", { class: "assignments-name" });
  const element = h(
    "li",
    {},
    h(
      "button",
      {
        class: "assignments-row",
        "data-face": index,
        "aria-haspopup": "dialog",
        onclick: (event) => pick(app, index, event.currentTarget),
      },
      crop(app, bbox, target),
      icon("forward"),
      place,
      spans ? h("span", { class: "assignments-words" }, label, seenWhen(spans, target)) : label,
    ),
  );
  /** @type {string | null | undefined} */
  let given;
  return {
    element,
    update() {
      const reference = app.draft.references.find(({ key }) => key === target.assignments[index]);
      const name = reference ? nameOf(reference) : "";
      label.textContent = name || t("leave_alone");
      const said = t(reference ? "face_gets" : "face_left", { number: index + 1, name });
      element.firstChild.setAttribute("aria-label", said);
      const shown = reference ? viewKey(reference) : null;
      if (given === shown) return;
      given = shown;
      place.replaceChildren(reference ? personImage(app, reference) : icon("close"));
    },
  };
}

async function pick(app, index, anchor) {
  const { openPicker } = await import("./face-picker.js");
  openPicker(app, index, anchor);
}

/** The face cut out of the picture; a clip's faces stand in a sheet. */
function crop({ pictures }, bbox, target) {
  const img = h("img", { alt: "" });
  const face = { bbox, side: target.sheet ? undefined : target.side };
  if (target.sheet) pictures.url(target.sheet).then((url) => (img.src = url), ignoreRefusal);
  else showPicture(img, target, pictures);
  return h("span", { class: "assignments-face" }, faceCrop(img, face, target.sheet ? SHEET_REACH : undefined));
}

function ignoreRefusal(error) {
  if (!error.document) throw error;
}
