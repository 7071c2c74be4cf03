// The target image with every face that was found: press one to say whose it becomes.
import { h, setVars } from "../element.js";
import { icon } from "../icon.js";
import { sentence } from "../problem.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { openPicker } from "./face-picker.js";
import { showPicture } from "./target-picture.js";

export function faceBoxes(app, _now, signal) {
  const { draft, pictures } = app;
  const target = draft.target;
  const img = h("img", { alt: t("target_image", { name: target.name }), draggable: "false" });
  const boxes = h("div", { class: "boxes", role: "group", "aria-label": t("faces_found") });
  const sheet = h("div", { class: "sheet", "data-drop": "target" }, img, boxes);
  const note = h("div", { class: "stage-note", role: "status" });
  const element = h("div", { class: "picture" }, sheet, note);
  const show = rows(
    boxes,
    (face) => face.index,
    (face) => box(app, face),
  );
  const fit = () => {
    const { clientWidth, clientHeight } = element;
    const scale = Math.min(clientWidth / img.naturalWidth, clientHeight / img.naturalHeight, 2);
    setVars(sheet, {
      width: `${Math.floor(img.naturalWidth * scale)}px`,
      height: `${Math.floor(img.naturalHeight * scale)}px`,
    });
  };
  const refresh = () => {
    show(img.naturalWidth && target.faces ? target.faces.map((face) => ({ ...face, size: sizeOf(img, target) })) : []);
    say(note, target);
  };
  img.addEventListener("load", () => (fit(), refresh()), { signal });
  const watch = new ResizeObserver(() => img.naturalWidth && fit());
  watch.observe(element);
  signal.addEventListener("abort", () => watch.disconnect());
  showPicture(img, target, pictures);
  draft.look(target);
  return { element, refresh };
}

/** Of the picture in which the faces were found: what is shown may be a smaller preview of it. */
function sizeOf({ naturalWidth: width, naturalHeight: height }, { side }) {
  const scale = side ? side / Math.max(width, height) : 1;
  return [width * scale, height * scale];
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

  function update({ index, bbox: [x1, y1, x2, y2], size: [width, height] }) {
    setVars(element, { x: x1 / width, y: y1 / height, w: (x2 - x1) / width, h: (y2 - y1) / height });
    const reference = draft.references.find(({ key }) => key === draft.target?.assignments[index]);
    element.dataset.given = Boolean(reference);
    who.textContent = reference?.name ?? "";
    element.setAttribute(
      "aria-label",
      t(reference ? "face_gets" : "face_left", { number: index + 1, name: reference?.name ?? "" }),
    );
  }
}

/** What the daemon makes of the picture, beneath it. */
export function say(note, { digest, faces, unseen }) {
  note.dataset.kind = unseen ? "bad" : "plain";
  if (unseen) note.replaceChildren(icon("warning"), sentence(unseen));
  else if (!digest) note.replaceChildren(h("span", { class: "spinner" }), t("sending"));
  else if (faces === undefined) note.replaceChildren(h("span", { class: "spinner" }), t("looking_for_faces"));
  else if (faces.length === 0) note.replaceChildren(icon("warning"), t("problem_no_face_found"));
  else note.replaceChildren(t("faces_found_count", { count: faces.length }));
}
