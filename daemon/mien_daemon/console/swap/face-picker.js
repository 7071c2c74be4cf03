// Whose face one face becomes: a small menu beside it.
import { openMenu } from "../menu.js";
import { t } from "../words.js";
import { addReferences, choose } from "./drop.js";
import { nameOf } from "./person.js";
import { personImage } from "./reference-image.js";

/** Open beside `anchor`, choose for the face `index`, and give the focus back. */
export function openPicker(app, index, anchor) {
  const { draft } = app;
  const given = draft.target.assignments[index];
  const people = draft.people.map((person) => ({
    label: nameOf(person),
    picture: personImage(app, person),
    chosen: given === person.key,
    run: () => draft.give(index, person.key),
  }));
  openMenu(t("whose_face", { number: index + 1 }), anchor, [
    ...people,
    {
      label: t("another_picture"),
      icon: "plus",
      chosen: false,
      run: () => choose((files) => addReferences(app, files, index)),
    },
    { label: t("leave_alone"), icon: "close", chosen: !given, run: () => draft.give(index, undefined) },
  ]);
}
