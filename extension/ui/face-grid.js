// The person's references as a group of radio buttons with thumbnails.

import { make, say } from "./parts.js";

/** Fill `box`; thumbnails come as they come; `onChoose` hears of a choice, `onAdd` of the wish for one more. */
export function showFaces(box, { references, chosenId, connection, onChoose, onAdd }) {
  const choices = references.map((reference) => choice(reference, { chosenId, connection, onChoose }));
  box.replaceChildren(...choices, another(onAdd));
}

function another(onAdd) {
  const plus = make("span", { className: "picture" }, "+");
  plus.setAttribute("aria-hidden", "true");
  const button = make("button", { type: "button", className: "face plain", id: "add-face" });
  button.append(plus, make("span", { className: "name" }, say("face_add")));
  button.addEventListener("click", onAdd);
  return button;
}

function choice({ id, name }, { chosenId, connection, onChoose }) {
  const picture = make("span", { className: "picture" }, initialOf(name));
  picture.setAttribute("aria-hidden", "true");
  const radio = make("input", { type: "radio", name: "face", value: id, checked: id === chosenId });
  radio.addEventListener("change", () => onChoose({ id, name }));
  connection
    .call((daemon) => daemon.referenceThumbnail(id))
    .then((blob) => picture.replaceChildren(make("img", { src: URL.createObjectURL(blob), alt: "" })))
    .catch(() => {}); // the initial is shown instead
  return make("label", { className: "face" }, radio, picture, make("span", { className: "name", title: name }, name));
}

function initialOf(name) {
  return [...new Intl.Segmenter().segment(name)][0]?.segment.toLocaleUpperCase() ?? "?";
}
