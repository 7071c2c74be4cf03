// The people of the library, where one is chosen for a face.
import { ask } from "../dialog.js";
import { h } from "../element.js";
import { t } from "../words.js";
import { person } from "./person.js";
import { personImage } from "./reference-image.js";

const SHELF = 11; // people at a glance; the library's others are behind a button

/** A person of the library as a reference of the draft. */
export function fromRecord({ id, name, pictures }) {
  return person({ key: `ref:${id}`, name, count: pictures?.length });
}

/** Everybody whose consent counts. @param {{ records: any[] }} people */
export function usablePeople({ records }) {
  return records.filter(({ usable }) => usable).map(fromRecord);
}

/** Who is in use, and as many of the library as there is room for. */
export function onShelf({ people }, library) {
  const others = library.filter(({ key }) => !people.some((who) => who.key === key));
  return [...people, ...others].slice(0, Math.max(SHELF, people.length));
}

/** Whether the library has people who are not among those shown. */
export function hasMore(library, shown) {
  return library.length > shown.filter(({ key }) => key.startsWith("ref:")).length;
}

/** One of everybody in the library; undefined where the person closes the dialog. */
export function askLibrary(app, library) {
  return ask(t("from_library"), (close) =>
    h(
      "div",
      { class: "dialog-body" },
      h(
        "ul",
        { class: "shelf large" },
        library.map((who) =>
          h(
            "li",
            { class: "tile" },
            h("button", { class: "tile-face", onclick: () => close(who) }, personImage(app, who)),
            h("span", { class: "tile-name" }, who.name),
          ),
        ),
      ),
    ),
  );
}
