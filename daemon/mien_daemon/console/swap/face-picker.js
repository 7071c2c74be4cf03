// Whose face one face becomes: a small menu beside it.
import { attempt } from "../announce.js";
import { openMenu } from "../menu.js";
import { t } from "../words.js";
import { addReferences, choose } from "./drop.js";
import { askLibrary, hasMore, onShelf, usablePeople } from "./library.js";
import { nameOf } from "./person.js";
import { personImage } from "./reference-image.js";

/** Open beside `anchor`, choose for the face `index`, and give the focus back. */
export function openPicker(app, index, anchor) {
  const { draft } = app;
  const given = draft.target.assignments[index];
  const library = usablePeople(app.people);
  const shelf = onShelf(draft, library);
  const people = shelf.map((who) => ({
    label: nameOf(who),
    picture: personImage(app, who),
    chosen: given === who.key,
    run: () => giveTo(draft, index, who),
  }));
  const all = { label: t("from_library"), icon: "faces", chosen: false, run: () => giveFrom(app, library, index) };
  openMenu(t("whose_face", { number: index + 1 }), anchor, [
    ...people,
    ...(hasMore(library, shelf) ? [all] : []),
    {
      label: t("another_picture"),
      icon: "plus",
      chosen: false,
      run: () => choose((files) => addReferences(app, files, index)),
    },
    { label: t("leave_alone"), icon: "close", chosen: !given, run: () => draft.give(index, undefined) },
  ]);
}

function giveFrom(app, library, index) {
  return attempt(async () => {
    const who = await askLibrary(app, library);
    if (who) giveTo(app.draft, index, who);
  });
}

/** A person for one face, used already or not; a new one is offered to no other face of the target. */
function giveTo(draft, index, who) {
  const { target } = draft;
  if (draft.people.some(({ key }) => key === who.key)) return draft.give(index, who.key);
  draft.history.keep(draft);
  target.pointed = index;
  target.assignments = { ...target.assignments, [index]: who.key };
  return draft.useReference(who);
}
