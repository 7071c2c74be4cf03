// What is wrong with a picture that was meant as a reference, and what a person can do: choose who it is of, or let go.
import { attempt } from "../announce.js";
import { iconButton } from "../control.js";
import { h } from "../element.js";
import { sentence } from "../problem.js";
import { t } from "../words.js";
import { answer, letGo } from "./arrivals.js";
import { cutOut } from "./face-crop.js";
import { cropOf, pictureOf } from "./reference-image.js";
import { shownUrl } from "./target-picture.js";

/** Every picture of a person that is not used. @param {import("./person.js").Person} who */
export function findingsOf(who) {
  return [...who.questions, ...who.refused].map((each) => ({ ...each, who }));
}

/** Focus the button that adds a face: what had the focus was removed. */
export function focusShelf() {
  document.getElementById("choose-reference")?.focus();
}

export function findingRow(app, { who: { key }, picture, name, url, faces, side, problem }) {
  const { draft, pictures } = app;
  const away = iconButton("close", t("remove_reference", { name }), () => {
    letGo(draft, key, picture);
    focusShelf();
  });
  const words = h(
    "p",
    {},
    h("b", {}, problem ? `${name}:` : name),
    " ",
    problem ? sentence(problem) : t("which_person", { people: faces.length }),
  );
  const choose = (face) =>
    attempt(async () => {
      const shown = await shownUrl({ url, digest: picture }, pictures);
      await answer(draft, key, picture, await cutOut({ url: shown, name, faces, side }, face), pictures);
    });
  const choices = (faces ?? []).map((face, at) =>
    h(
      "button",
      { class: "tile-face", "aria-label": t("person_number", { number: at + 1 }), onclick: () => choose(face) },
      cropOf(app, { picture, url }, { bbox: face.bbox, side }),
    ),
  );
  const element = h(
    "li",
    { class: "finding", "data-kind": problem ? "bad" : "question", role: problem ? "alert" : "group" },
    problem ? h("span", { class: "finding-picture" }, pictureOf(app, { picture, url })) : null,
    h("div", {}, words, choices.length ? h("div", { class: "finding-faces" }, choices) : null),
    away,
  );
  return { element, update() {} };
}
