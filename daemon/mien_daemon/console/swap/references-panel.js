// Whose faces there are to choose from: people of this session and of the library, as a shelf of faces.
import { attempt } from "../announce.js";
import { button, iconButton } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { addReferences, choose } from "./drop.js";
import { findingRow, findingsOf, focusShelf } from "./finding.js";
import { askLibrary, hasMore, onShelf, usablePeople } from "./library.js";
import { countPictures, personImage, viewKey } from "./reference-image.js";
import { nameOf } from "./person.js";

export function referencesPanel(app, signal) {
  const { draft } = app;
  const shelf = h("ul", { class: "shelf" });
  const findings = h("ul", { class: "findings", "aria-live": "polite" });
  const hint = h("p", { class: "hint" }, `${t("references_hint")} ${t("references_together")}`);
  const add = button(t("add_picture"), "plus", () => choose((files) => addReferences(app, files)), {
    id: "choose-reference",
  });
  /** @type {any[]} */
  let library = [];
  const more = button(t("from_library"), "faces", () => fromLibrary(app, library), { hidden: true });
  const element = h(
    "section",
    { class: "panel", "data-drop": "reference" },
    h("h2", {}, t("reference_faces")),
    shelf,
    findings,
    hint,
    h("div", { class: "pair" }, add, more),
  );
  const showShelf = rows(
    shelf,
    ({ key }) => key,
    (who) => tile(app, who),
  );
  const showFindings = rows(
    findings,
    ({ who, picture }) => `${who.key} ${picture}`,
    (finding) => findingRow(app, finding),
  );
  const show = () => {
    const people = onShelf(draft, library);
    showShelf(people);
    showFindings(draft.references.flatMap(findingsOf));
    shelf.hidden = people.length === 0;
    hint.hidden = draft.references.length > 0;
    more.hidden = !hasMore(library, people);
  };
  app.people.load().then(() => {
    library = usablePeople(app.people);
    if (!signal.aborted) show();
  });
  return { element, show };
}

function tile(app, who) {
  const { draft } = app;
  const { key } = who;
  const name = nameOf(who);
  const face = h("button", { class: "tile-face", onclick: () => draft.choose({ ...fromShelf(draft, who) }) });
  const count = h("span", { class: "tile-count" });
  const busy = h("span", { role: "status" });
  const add = (files) => addReferences(app, files, undefined, key);
  const more = iconButton("plus", t("more_pictures", { name }), () => choose(add), { class: "bare tile-more" });
  const remove = iconButton("close", t("remove_reference", { name }), () => {
    draft.history.keep(draft);
    draft.removeReference(key);
    focusShelf();
  });
  const saved = key.startsWith("ref:") ? h("span", { title: t("in_library") }, icon("lock")) : null;
  const element = h("li", { class: "tile", "data-person": key }, face, busy);
  const called = h("span", { class: "tile-name", title: name }, name);
  element.append(h("span", { class: "tile-line" }, saved, called, count), more, remove);
  let viewed = "";
  return { element, update };

  function update(shown) {
    const isUsed = draft.people.some((each) => each.key === key);
    const found = countPictures(shown);
    element.classList.toggle("offered", !isUsed);
    count.textContent = String(found);
    count.title = t("pictures_count", { count: found });
    count.hidden = found === 1;
    showBusy(busy, shown.checking.length > 0);
    more.hidden = remove.hidden = !isUsed;
    const isGiven = Object.values(draft.target?.assignments ?? {}).includes(key);
    face.setAttribute("aria-pressed", String(isGiven));
    face.setAttribute("aria-label", [name, found > 1 ? count.title : ""].filter(Boolean).join(", "));
    if (viewed === viewKey(shown)) return;
    viewed = viewKey(shown);
    face.replaceChildren(personImage(app, shown));
  }
}

/** Whether pictures are still looked at. */
export function showBusy(place, isBusy) {
  const spinner = h("span", { class: "spinner", "aria-label": t("looking_for_faces"), role: "img" });
  if (isBusy !== place.hasChildNodes()) place.replaceChildren(...(isBusy ? [spinner] : []));
}

/** The draft's own record of a person, where it has one. */
function fromShelf({ references }, { key, name, count }) {
  const { pictures = [key] } = references.find((each) => each.key === key) ?? {};
  return { key, name, count, pictures };
}

/** Everybody in the library. */
function fromLibrary(app, library) {
  return attempt(async () => {
    const chosen = await askLibrary(app, library);
    if (chosen) app.draft.choose(chosen);
  });
}
