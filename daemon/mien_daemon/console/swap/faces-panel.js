// The faces of the shown target as a list: who gets whom, in words and small pictures.
import { h, setVars } from "../element.js";
import { icon } from "../icon.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { showPicture } from "./target-picture.js";
import { referenceImage } from "./reference-image.js";

export function facesPanel(app) {
  const { draft } = app;
  const list = h("ul", { class: "assignments" });
  const all = h("button", { class: "link", onclick: () => giveAll(draft) }, t("all_faces"));
  const element = h("section", { class: "panel" }, h("h2", {}, t("faces_in_picture"), all), list);
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
      all.hidden = faces.length < 2 || draft.references.length === 0;
      show(faces.map((face) => ({ ...face, target })));
    },
  };
}

/** Every face gets one, in turn from the left: one reference goes to all, several go round. */
function giveAll(draft) {
  const { target, references } = draft;
  target.assignments = Object.fromEntries(
    target.faces.map(({ index }, turn) => [index, references[turn % references.length].key]),
  );
  draft.changed();
}

function castRow(app, { index, bbox, target }) {
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
      label,
    ),
  );
  let given;
  return {
    element,
    update() {
      const reference = app.draft.references.find(({ key }) => key === target.assignments[index]);
      label.textContent = reference?.name ?? t("leave_alone");
      element.firstChild.setAttribute(
        "aria-label",
        t(reference ? "face_gets" : "face_left", { number: index + 1, name: reference?.name ?? "" }),
      );
      if (given === (reference?.key ?? null)) return;
      given = reference?.key ?? null;
      place.replaceChildren(reference ? referenceImage(app, reference) : icon("close"));
    },
  };
}

async function pick(app, index, anchor) {
  const { openPicker } = await import("./face-picker.js");
  openPicker(app, index, anchor);
}

/** The face cut out of the picture, by moving the picture behind a small window. */
function crop({ pictures }, [x1, y1, x2, y2], target) {
  const img = h("img", { alt: "" });
  const side = (target.sheet ? 1 : 1.5) * Math.max(x2 - x1, y2 - y1);
  const left = (x1 + x2 - side) / 2;
  const top = (y1 + y2 - side) / 2;
  img.addEventListener("load", () => {
    const scale = ((!target.sheet && target.size?.[0]) || img.naturalWidth) / img.naturalWidth;
    setVars(img, { zoom: (img.naturalWidth * scale) / side, x: -left / side, y: -top / side });
  });
  if (target.sheet) pictures.url(target.sheet).then((url) => (img.src = url), ignoreRefusal);
  else showPicture(img, target, pictures);
  return h("span", { class: "assignments-face" }, img);
}

function ignoreRefusal(error) {
  if (!error.document) throw error;
}
