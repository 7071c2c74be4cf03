// Results: everything that was made and is still kept, by day.
import { button, select } from "../control.js";
import { announce, attempt } from "../announce.js";
import { confirm } from "../dialog.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { menuButton } from "../menu.js";
import { empty, loading } from "../notice.js";
import { batched, everyMinute } from "../pace.js";
import { rows } from "../rows.js";
import { dayWords, duration, t } from "../words.js";
import { compareTwo } from "./compare-two.js";
import { detail } from "./detail.js";
import { byDay, everything, keptOf, matches, narrows } from "./filter.js";
import { filterBar } from "./filter-bar.js";
import { gallery } from "./gallery.js";
import { Selection } from "./selection.js";
import { selectionBar } from "./selection-bar.js";
import { inSlices } from "./slices.js";
import { tile } from "./tile.js";

const DAY = 86_400;
const SPANS = [3600, DAY, 7 * DAY, 30 * DAY, 365 * DAY];

export function mount(main, app, signal, item) {
  const filter = (app.seen.filter ??= everything());
  signal.addEventListener("abort", () => app.router.place.view !== "results" && (app.seen.filter = null));
  document.addEventListener("keydown", (event) => takeBackLast(event, app), { signal });
  if (item) app.bin.addEventListener("back", ({ detail: { ids } }) => app.router.go("results", ids[0]), { signal });
  if (item?.includes(",")) return compareTwo(main, app, signal, item.split(","));
  if (item) return detail(main, app, signal, item);
  return showAll(main, app, filter, signal);
}

/** Ctrl+Z takes back what was deleted last. */
function takeBackLast(event, { bin }) {
  const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (isUndo && !event.target.closest("input[type=search], dialog") && bin.takeBack()) event.preventDefault();
}

function showAll(main, app, filter, signal) {
  const { bin, jobs, people } = app;
  const selection = new Selection();
  const days = h("div", { class: "days" });
  const place = h("div", { class: "card" });
  const end = h("div", { class: "gallery-end" });
  const clear = { label: t("delete_all"), icon: "trash", danger: true, run: () => deleteAll(app) };
  const more = menuButton(() => [clear], { hidden: true });
  const show = rows(
    days,
    ({ day }) => day,
    ({ day }) => daySection(app, day),
  );
  let shown = [];
  const put = (some, isChange) => show(byDay(some).map((day) => ({ ...day, isChange })));
  const fill = inSlices(put, end, app.pictures, signal);
  const update = () => {
    const kept = keptOf(jobs.all);
    shown = kept.filter((job) => matches(job, filter, people.names));
    fill(shown, app.seen.result);
    if (!jobs.loaded) end.hidden = true;
    bar.show(kept, people.names);
    selection.keep(shown.map(({ id }) => id));
    tiles.refresh();
    more.hidden = kept.length === 0;
    place.hidden = shown.length > 0;
    const isAll = jobs.loaded && !jobs.next;
    if (shown.length === 0) place.replaceChildren(isAll ? nothing(kept.length > 0 && bar.reset) : loading());
    if (narrows(filter)) jobs.more(); // what is looked for may be further down
    lookForEnd();
  };
  const bar = filterBar(filter, update);
  const listed = () => shown;
  const tiles = gallery(days, { app, selection, listed, signal });
  const soon = batched(update);
  for (const source of [jobs, people]) source.addEventListener("change", soon, { signal });
  bin.addEventListener(
    "back",
    ({ detail: { ids } }) => {
      app.seen.result = ids[0];
      update();
      tiles.arrive();
    },
    { signal },
  );
  people.load();
  everyMinute(soon, signal);
  const lookForEnd = moreAt(end, jobs, signal);
  main.append(
    h(
      "div",
      { class: "page wide" },
      h("header", { class: "page-head" }, h("h1", { tabindex: -1 }, t("view_results")), keepFor(app), more),
      bar.element,
      place,
      days,
      end,
    ),
    selectionBar(app, selection, listed, signal),
  );
  update();
  tiles.arrive();
}

function daySection(app, day) {
  const heading = h("h2", {});
  const pick = h("button", { class: "bare day-pick", "aria-pressed": "false" }, icon("check"));
  const list = h("ul", { class: "gallery" });
  const show = rows(
    list,
    ({ id }) => id,
    (job) => tile(app, job),
  );
  return {
    element: h("section", {}, h("header", { class: "day" }, heading, pick), list),
    update({ jobs, isChange }) {
      if (isChange || !heading.textContent) {
        heading.textContent = dayWords(day);
        list.setAttribute("aria-label", heading.textContent);
        pick.title = t("select_day", { day: heading.textContent });
        pick.setAttribute("aria-label", pick.title);
      }
      show(jobs, isChange);
    },
  };
}

/** The next page of jobs whenever the end of the gallery comes near; returns what looks whether it is near already. */
function moreAt(end, jobs, signal) {
  const watch = new IntersectionObserver(([entry]) => entry.isIntersecting && jobs.more(), { rootMargin: "900px" });
  const again = () => {
    watch.unobserve(end);
    watch.observe(end);
  };
  signal.addEventListener("abort", () => watch.disconnect());
  return again;
}

/** `reset`: there are results, none of them is as asked, and this shows them all again. */
function nothing(reset) {
  if (reset) {
    const all = button(t("show_all_results"), "undo", reset);
    return empty("search", t("no_results_found"), t("no_results_found_hint"), all);
  }
  const way = h("a", { class: "button primary", href: "#/swap" }, t("view_swap"));
  return empty("results", t("no_results"), t("no_results_hint"), way);
}

/** How long results are kept; a change counts for those that are there already. */
function keepFor({ api }) {
  const place = h("label", { class: "inline" }, t("keep_for"));
  attempt(async () => {
    const { settings } = await api.get("/v1/settings");
    const { value } = settings.find(({ name }) => name === "keep_results_s");
    const spans = [...new Set([...SPANS, value])].sort((one, other) => one - other);
    place.append(
      select(
        spans.map((span) => [String(span), duration(span)]),
        String(value),
        (chosen) => attempt(() => api.put("/v1/settings", { keep_results_s: Number(chosen) })),
      ),
    );
  });
  return place;
}

async function deleteAll({ api, jobs }) {
  if (!(await confirm(t("delete_all_title"), t("delete_all_text"), t("delete_all")))) return;
  await attempt(async () => {
    const { deleted } = await api.delete("/v1/jobs");
    await jobs.load();
    announce(t("deleted_count", { count: deleted }));
  });
}
