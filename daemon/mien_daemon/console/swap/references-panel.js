// Whose faces there are to choose from: pictures used once, and people from the library.
import { button, iconButton } from "../control.js";
import { ask } from "../dialog.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { empty, fillWhenLoaded } from "../notice.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { addReferences, choose } from "./drop.js";
import { countPictures, referenceImage } from "./reference-image.js";

export function referencesPanel(app, signal) {
  const { draft } = app;
  const list = h("ul", { class: "tiles" });
  const hint = h("p", { class: "hint" }, `${t("references_hint")} ${t("references_together")}`);
  const element = h(
    "section",
    { class: "panel", "data-drop": "reference" },
    h("h2", {}, t("reference_faces")),
    list,
    hint,
    h(
      "div",
      { class: "pair" },
      button(t("add_picture"), "plus", () => choose((files) => addReferences(app, files)), { id: "choose-reference" }),
      button(t("from_library"), "faces", () => fromLibrary(app, signal)),
    ),
  );
  const show = rows(
    list,
    ({ key }) => key,
    (reference) => tile(app, reference),
  );
  return {
    element,
    show() {
      show(draft.references);
      list.hidden = draft.references.length === 0;
      hint.hidden = draft.references.length > 0;
    },
  };
}

function tile(app, reference) {
  const remove = iconButton("close", t("remove_reference", { name: reference.name }), () =>
    app.draft.removeReference(reference.key),
  );
  const saved = reference.key.startsWith("ref:")
    ? h("span", { class: "tile-mark", title: t("from_library") }, icon("lock"))
    : null;
  const add = (files) => addReferences(app, files, undefined, reference.key);
  const more = iconButton("plus", t("more_pictures", { name: reference.name }), () => choose(add), {
    class: "bare tile-more",
  });
  const count = h("span", { class: "tile-count" });
  return {
    element: h(
      "li",
      { class: "tile", "data-person": reference.key },
      referenceImage(app, reference),
      count,
      h("span", { class: "tile-name" }, reference.name),
      saved,
      more,
      remove,
    ),
    update(shown) {
      const found = countPictures(shown);
      count.textContent = t("pictures_count", { count: found });
      count.hidden = found === 1;
    },
  };
}

async function fromLibrary(app, signal) {
  const chosen = await ask(t("from_library"), (close) => {
    const place = h("div", { class: "dialog-body" });
    fillWhenLoaded(
      place,
      () => app.api.get("/v1/references"),
      ({ references }) => choices(app, references, close),
      signal,
    );
    return place;
  });
  if (chosen) app.draft.useReference(fromRecord(chosen));
}

/** A person of the library as a reference of the draft. */
export function fromRecord({ id, name, pictures }) {
  return { key: `ref:${id}`, name, url: null, count: pictures?.length };
}

function choices(app, references, close) {
  const usable = references.filter((reference) => reference.usable);
  if (usable.length === 0)
    return empty(
      "faces",
      t("library_empty"),
      t("library_empty_hint"),
      h("a", { class: "button", href: "#/faces", onclick: () => close() }, t("view_faces")),
    );
  return h(
    "ul",
    { class: "tiles large" },
    usable.map((reference) =>
      h(
        "li",
        { class: "tile" },
        h(
          "button",
          { class: "tile-choice", onclick: () => close(reference) },
          referenceImage(app, { key: `ref:${reference.id}` }),
          h("span", { class: "tile-name" }, reference.name),
        ),
      ),
    ),
  );
}
