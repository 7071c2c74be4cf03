// The pictures of a person who is being added, looked at as they arrive: each must show one face and no other.
import { attempt } from "../announce.js";
import { button } from "../control.js";
import { fill, h } from "../element.js";
import { icon } from "../icon.js";
import { filesDropped } from "../pictures.js";
import { rows } from "../rows.js";
import { addPictures, addReference, releaseAll } from "../swap/arrivals.js";
import { choose } from "../swap/drop.js";
import { findingRow, findingsOf } from "../swap/finding.js";
import { person } from "../swap/person.js";
import { personImage, viewKey } from "../swap/reference-image.js";
import { showBusy } from "../swap/references-panel.js";
import { t } from "../words.js";
import { isSmall } from "./small-face.js";

/** What `arrivals` needs of a draft, for one person alone. */
class Gathered {
  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    this.alone = true;
    /** @type {import("../swap/person.js").Person[]} */
    this.references = [];
  }

  get person() {
    return this.references[0];
  }

  useReference({ key, name, pictures }) {
    if (this.person) this.person.pictures = [...new Set([...this.person.pictures, ...pictures])];
    else this.references.push(person({ key, name, pictures }));
  }

  takeBack() {}

  removeReference() {
    this.references = [];
    this.changed();
  }
}

/**
 * A field for the pictures. `names()` are those that can be kept: none while one is looked at or a question is open.
 * `release()` lets go of the files, once the field is gone.
 * @param {any} app
 * @param {File[]} files
 * @param {() => void} onchange
 */
export function pictureField(app, files, onchange) {
  const held = new Gathered(app.api, () => (show(), onchange()));
  const place = h("div", { class: "face-picture" }, icon("faces"));
  const findings = h("ul", { class: "findings", "aria-live": "polite" });
  const count = h("b", {});
  const busy = h("span", { role: "status" });
  const pick = button(t("choose_picture"), "plus", () => choose(take), { type: "button", id: "choose-face" });
  const small = h("p", { class: "caution", role: "status" });
  const words = h("div", {}, pick, h("p", { class: "row-actions" }, busy, count));
  words.append(h("p", { class: "hint" }, `${t("references_hint")} ${t("references_together")}`));
  const element = h("div", { class: "stack" }, h("div", { class: "face-drop" }, place, words), small, findings);
  const showFindings = rows(
    findings,
    ({ picture }) => picture,
    (finding) => findingRow({ ...app, draft: held }, finding),
  );
  let viewed = "";
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    filesDropped(event.dataTransfer).then(take);
  });
  show();
  take(files);
  return { element, names, release: () => releaseAll(held.references) };

  function take(chosen) {
    if (chosen.length === 0) return;
    const { pictures } = app;
    attempt(() =>
      held.person
        ? addPictures(held, held.person.key, chosen, pictures)
        : addReference(held, chosen, pictures).then(() => held.changed()),
    );
  }

  function names() {
    const { person: who } = held;
    return !who || who.checking.length > 0 || who.questions.length > 0 ? [] : who.pictures;
  }

  function show() {
    const who = held.person;
    showFindings(who ? findingsOf(who) : []);
    const isCoarse = who?.pictures.some((picture) => isSmall(who.views[picture]?.face)) ?? false;
    fill(small, isCoarse ? [icon("warning"), t("face_small_hint")] : null);
    small.hidden = !isCoarse;
    showBusy(busy, Boolean(who?.checking.length));
    count.textContent = who?.pictures.length ? t("pictures_count", { count: who.pictures.length }) : "";
    pick.lastChild.textContent = t(who ? "another_picture" : "choose_picture");
    const key = who?.pictures.length ? viewKey(who) : "";
    if (key === viewed) return;
    viewed = key;
    place.replaceChildren(who?.pictures.length ? personImage(app, who) : icon("faces"));
  }
}
