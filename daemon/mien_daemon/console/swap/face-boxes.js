// The target image with every face that was found: press one to say whose it becomes.
import { assign, h } from "../element.js";
import { icon } from "../icon.js";
import { sentence } from "../problem.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { openPicker } from "./face-picker.js";
import { nameOf } from "./person.js";
import { pictureSheet, placeAt } from "./picture-sheet.js";

export function faceBoxes(app, _now, signal) {
  const { draft } = app;
  const target = draft.target;
  const note = h("div", { class: "stage-note", role: "status" });
  const refresh = () => {
    const size = shown.size();
    show(size && target.faces ? target.faces.map((face) => ({ ...face, size })) : []);
    say(note, target);
  };
  const shown = pictureSheet(app, target, signal, () => refresh());
  assign(shown.layer, { role: "group", "aria-label": t("faces_found") });
  const show = rows(
    shown.layer,
    (face) => face.index,
    (face) => box(app, face),
  );
  draft.look(target);
  return { element: h("div", { class: "resting" }, shown.element, note), refresh };
}

function box(app, face) {
  const { draft } = app;
  const mark = h("span", { class: "box-number" }, face.index + 1);
  const who = h("span", { class: "box-who" });
  const element = h(
    "button",
    {
      class: "box",
      "data-face": face.index,
      "aria-haspopup": "dialog",
      onclick: () => openPicker(app, face.index, element),
    },
    mark,
    who,
  );
  return { element, update };

  function update({ index, bbox, size }) {
    placeAt(element, bbox, size);
    const reference = draft.references.find(({ key }) => key === draft.target?.assignments[index]);
    element.dataset.given = Boolean(reference);
    const name = reference ? nameOf(reference) : "";
    who.textContent = name;
    element.setAttribute("aria-label", t(reference ? "face_gets" : "face_left", { number: index + 1, name }));
  }
}

/** What the daemon makes of the picture, beneath it. */
export function say(note, { digest, faces, unseen, clip }) {
  note.dataset.kind = unseen ? "bad" : "plain";
  if (unseen) note.replaceChildren(icon("warning"), sentence(unseen));
  else if (!digest) note.replaceChildren(h("span", { class: "spinner" }), t("sending"));
  else if (faces === undefined) note.replaceChildren(h("span", { class: "spinner" }), t("looking_for_faces"));
  else if (faces.length === 0) note.replaceChildren(icon("warning"), t("problem_no_face_found"));
  else note.replaceChildren(t(clip ? "people_found_count" : "faces_found_count", { count: faces.length }));
}
