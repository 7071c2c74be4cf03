// Results: everything that was made and is still kept.
import { button, select } from "../control.js";
import { announce, attempt } from "../announce.js";
import { confirm } from "../dialog.js";
import { h } from "../element.js";
import { batched, everyMinute } from "../jobs/view.js";
import { empty, loading } from "../notice.js";
import { rows } from "../rows.js";
import { duration, t } from "../words.js";
import { detail } from "./detail.js";
import { isKept } from "./retention.js";
import { tile } from "./tile.js";

const DAY = 86_400;
const SPANS = [3600, DAY, 7 * DAY, 30 * DAY, 365 * DAY];

export function mount(main, app, signal, item) {
  if (item) return detail(main, app, signal, item);
  const { jobs } = app;
  const list = h("ul", { class: "gallery", "aria-label": t("view_results") });
  const place = h("div", { class: "card" });
  const end = h("div", { class: "gallery-end" });
  const show = rows(
    list,
    ({ id }) => id,
    (job) => tile(app, job),
  );
  const clear = button(t("delete_all"), "trash", () => deleteAll(app), { class: "danger" });
  const update = () => {
    const kept = jobs.all.filter(isKept).sort((one, other) => other.created_at.localeCompare(one.created_at));
    show(kept);
    place.hidden = kept.length > 0;
    clear.hidden = kept.length === 0;
    if (kept.length === 0) place.replaceChildren(jobs.loaded && !jobs.next ? nothing() : loading());
  };
  app.people.load();
  const soon = batched(update);
  jobs.addEventListener("change", soon, { signal });
  app.people.addEventListener("change", soon, { signal });
  everyMinute(soon, signal);
  moreAt(end, jobs, signal);
  main.append(
    h(
      "div",
      { class: "page wide" },
      h("header", { class: "page-head" }, h("h1", {}, t("view_results")), keepFor(app), clear),
      place,
      list,
      end,
    ),
  );
  update();
  return undefined;
}

/** The next page of jobs whenever the end of the gallery comes near. */
function moreAt(end, jobs, signal) {
  const watch = new IntersectionObserver(([entry]) => entry.isIntersecting && jobs.more(), { rootMargin: "600px" });
  const again = () => {
    watch.unobserve(end);
    watch.observe(end);
  };
  jobs.addEventListener("change", again, { signal });
  signal.addEventListener("abort", () => watch.disconnect());
  again();
}

function nothing() {
  return empty(
    "results",
    t("no_results"),
    t("no_results_hint"),
    h("a", { class: "button primary", href: "#/swap" }, t("view_swap")),
  );
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
