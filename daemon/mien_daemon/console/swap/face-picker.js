// Whose face one face becomes: a small menu beside it.
import { h, setVars } from "../element.js";
import { icon } from "../icon.js";
import { t } from "../words.js";
import { addReferences, choose } from "./drop.js";
import { personImage } from "./reference-image.js";

const EDGE = 12;

/** Open beside `anchor`, choose for the face `index`, and give the focus back. */
export function openPicker(app, index, anchor) {
  const { draft } = app;
  const given = draft.target.assignments[index];
  const pick = (key) => {
    draft.give(index, key);
    menu.close();
  };
  const choices = draft.people.map((reference) =>
    entry(personImage(app, reference), reference.name, given === reference.key, () => pick(reference.key)),
  );
  const menu = h(
    "dialog",
    { class: "picker", "aria-label": t("whose_face", { number: index + 1 }) },
    choices,
    entry(icon("plus"), t("another_picture"), false, () => {
      menu.close();
      choose((files) => addReferences(app, files, index));
    }),
    entry(icon("close"), t("leave_alone"), !given, () => pick(undefined)),
  );
  menu.addEventListener("close", () => {
    menu.remove();
    anchor.focus();
  });
  menu.addEventListener("click", (event) => event.target === menu && menu.close());
  menu.addEventListener("keydown", (event) => step(menu, event));
  document.body.append(menu);
  menu.showModal();
  place(menu, anchor);
  (menu.querySelector("[aria-pressed=true]") ?? menu.querySelector("button")).focus();
}

function entry(picture, name, chosen, onclick) {
  return h(
    "button",
    { class: "pick", "aria-pressed": String(chosen), onclick },
    h("span", { class: "pick-image" }, picture),
    h("span", {}, name),
  );
}

function step(menu, event) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!way) return;
  event.preventDefault();
  const all = [...menu.querySelectorAll("button")];
  all.at((all.indexOf(document.activeElement) + way) % all.length).focus();
}

function place(menu, anchor) {
  const at = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const x = at.right + EDGE + width < innerWidth ? at.right + EDGE : Math.max(EDGE, at.left - width - EDGE);
  const y = Math.max(EDGE, Math.min(at.top, innerHeight - height - EDGE));
  setVars(menu, { x: `${x}px`, y: `${y}px` });
}
