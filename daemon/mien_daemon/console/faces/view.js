// Faces: people whose face may be used, with the consent that says so.
import { announce, attempt } from "../announce.js";
import { button } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { menuButton } from "../menu.js";
import { empty, fillWhenLoaded } from "../notice.js";
import { filesDropped } from "../pictures.js";
import { forgetPeople } from "../swap/session.js";
import { t } from "../words.js";
import { addReference } from "./add-reference.js";
import { askToDestroy } from "./destroy.js";
import { shelf } from "./shelf.js";

export function mount(main, app, signal) {
  const { api } = app;
  app.seen.faces.words = "";
  const place = h("div", {});
  const more = menuButton(() => [forget], { hidden: true });
  const forget = { label: t("forget_everything"), icon: "trash", danger: true, run: () => forgetAll(app, again) };
  const load = () => fillWhenLoaded(place, () => api.get("/v1/references"), show, signal);
  const again = () => (app.people.load(), load());
  const add = async (files) => (await addReference(app, files)) && again();
  const show = ({ references }) => {
    more.hidden = references.length === 0;
    if (references.length === 0) return emptyLibrary(add);
    return shelf(app, references, again);
  };
  main.append(
    h(
      "div",
      { class: "page wide", "data-drop": "reference" },
      h(
        "header",
        { class: "page-head" },
        h("h1", {}, t("view_faces")),
        button(t("add_face"), "plus", () => add(), { id: "add-face", class: "primary" }),
        more,
      ),
      h("p", { class: "hint lead" }, icon("lock"), t("faces_sealed")),
      place,
    ),
  );
  main.addEventListener("dragover", (event) => event.preventDefault(), { signal });
  main.addEventListener(
    "drop",
    (event) => {
      event.preventDefault();
      filesDropped(event.dataTransfer).then((files) => files.length > 0 && add(files));
    },
    { signal },
  );
  load();
}

function emptyLibrary(add) {
  return h(
    "div",
    { class: "card" },
    empty(
      "faces",
      t("library_empty"),
      t("library_empty_hint"),
      button(t("add_face"), "plus", () => add(), { class: "primary" }),
    ),
  );
}

async function forgetAll({ api, arena, draft, jobs, pictures }, again) {
  const deed = await askToDestroy(t("forget_title"), t("forget_text"), t("forget_everything"));
  if (!deed) return;
  await attempt(async () => {
    await api.delete(`/v1/references?results=${deed.results}`);
    const keys = draft.references.map(({ key }) => key);
    forgetPeople(
      draft,
      keys.filter((key) => key.startsWith("ref:")),
    );
    for (const prefix of ["/v1/references/", "/v1/jobs/"]) pictures.forget(prefix);
    arena.forget();
    await jobs.load();
    announce(t("forgotten"));
    again();
  });
}
