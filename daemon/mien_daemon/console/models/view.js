// Models: what each engine needs, what is here, how it came and under which licence.
import { segmented } from "../control.js";
import { h } from "../element.js";
import { fillWhenLoaded } from "../notice.js";
import { batched } from "../pace.js";
import { bytes, t } from "../words.js";
import { engineCard } from "./engine-card.js";
import { groupCard } from "./group-card.js";
import { familyCard } from "./family-card.js";
import { listFamilies } from "./families.js";
import { ModelList } from "./model-list.js";
import { storeMenu } from "./store-menu.js";
import { verifyTable } from "./verify-table.js";

export function mount(main, app, signal) {
  const list = new ModelList(app.api);
  const place = h("div", { class: "stack large" });
  const room = h("span", { class: "chip", hidden: true });
  const tabs = { library: () => library(app, list, signal), proof: () => verifyTable(app) };
  const open = (tab) =>
    fillWhenLoaded(
      place,
      async () => (await list.load(signal), await showRoom(app, room), tab),
      (name) => tabs[name](),
      signal,
    );
  main.append(
    h(
      "div",
      { class: "page" },
      h(
        "header",
        { class: "page-head" },
        h("h1", {}, t("view_models")),
        room,
        segmented(
          t("show"),
          [
            ["library", t("models_library")],
            ["proof", t("models_proof")],
          ],
          "library",
          open,
        ),
        storeMenu(list),
      ),
      place,
    ),
  );
  app.events.addEventListener("on:download", ({ detail }) => list.hear(detail), { signal });
  open("library");
}

function library(app, list, signal) {
  const { first, others } = listFamilies(list);
  const build = (each) => (each.names.length > 1 ? familyCard(app, list, each) : engineCard(app, list, each.names[0]));
  const [shown, hidden] = [first.map(build), others.map(build)];
  const groups = ["starter", "other"].map((name) => groupCard(app, list, /** @type {any} */ (name)));
  const cards = [...shown, ...hidden, ...groups];
  const show = batched(() => {
    for (const card of cards) card.show();
  });
  list.addEventListener("change", show, { signal });
  for (const card of cards) card.show();
  return h("div", { class: "stack large" }, grid(shown), hidden.length ? more(hidden) : null, grid(groups));
}

const grid = (cards) =>
  h(
    "div",
    { class: "engine-cards" },
    cards.map(({ element }) => element),
  );

/** Networks of other programs, behind a line that says how many. */
function more(cards) {
  const summary = h(
    "summary",
    {},
    h("h2", {}, t("more_engines")),
    h("span", { class: "hint" }, t("more_engines_hint")),
  );
  return h("details", { class: "drawer more-engines" }, summary, grid(cards));
}

async function showRoom({ api }, room) {
  const { folders } = await api.get("/v1/machine");
  const free = folders.find(({ purpose }) => purpose === "models").free_bytes;
  room.hidden = free === null;
  if (free !== null) room.textContent = t("disk_left", { size: bytes(free) });
}
