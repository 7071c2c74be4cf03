// Jobs: what runs, what waits and in which order, what became of the rest.
import { attempt } from "../announce.js";
import { button, segmented } from "../control.js";
import { h, refill } from "../element.js";
import { empty, loading } from "../notice.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { groupRow, matchesGroup } from "./group-row.js";
import { jobRow } from "./job-row.js";
import { inOrder, matches } from "./order.js";

const FILTERS = ["all", "active", "done", "failed"];

export function mount(main, app, signal) {
  const { groups, jobs } = app;
  const state = { filter: "all", open: new Set() };
  const list = h("ul", { class: "rows", "aria-label": t("view_jobs") });
  const none = h("div", { class: "card" });
  const more = button(t("show_older"), null, () => jobs.more(), { class: "quiet" });
  const pause = pauseButton(app, signal);
  const clear = clearButton(app);
  const filter = segmented(
    t("show"),
    FILTERS.map((name) => [name, t(`filter_${name}`)]),
    state.filter,
    (name) => {
      state.filter = name;
      show();
    },
  );
  const toggle = (name) => {
    if (!state.open.delete(name)) {
      state.open.add(name);
      attempt(() => jobs.moreOf(name));
    }
    show();
  };
  const display = rows(
    list,
    (each) => each.id ?? `group ${each.group}`,
    (each) => (each.id ? jobRow(app, each) : groupRow(app, each, toggle)),
  );
  const show = () => {
    const shown = collect(groups.all, inOrder(jobs.all), state);
    display(shown);
    more.hidden = !jobs.next;
    clear.hidden = failed(jobs).length === 0;
    none.hidden = shown.length > 0;
    list.hidden = shown.length === 0;
    if (shown.length === 0) none.replaceChildren(jobs.loaded ? nothing(state.filter) : loading());
  };
  app.people.load();
  const soon = batched(show);
  jobs.addEventListener("change", soon, { signal });
  app.people.addEventListener("change", soon, { signal });
  groups.addEventListener("change", soon, { signal });
  everyMinute(soon, signal);
  main.append(
    h(
      "div",
      { class: "page" },
      h("header", { class: "page-head" }, h("h1", {}, t("view_jobs")), filter, pause, clear),
      none,
      list,
      more,
    ),
  );
  show();
}

/** What is listed: each group with its jobs, where it is open, then jobs of their own. */
export function collect(groups, jobs, { filter, open }) {
  const wanted = jobs.filter((job) => matches(job, filter));
  const names = new Set(groups.map(({ group }) => group));
  const inGroups = groups
    .filter((group) => matchesGroup(group, filter))
    .flatMap((group) => [
      { ...group, isOpen: open.has(group.group) },
      ...(open.has(group.group) ? wanted.filter((job) => job.group === group.group) : []),
    ]);
  return [...inGroups, ...wanted.filter((job) => !names.has(job.group))];
}

/** For what tells how long ago something was. */
export function everyMinute(work, signal) {
  const timer = setInterval(work, 60_000);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** At most once a frame, however many events come. */
export function batched(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

function nothing(filter) {
  if (filter !== "all") return empty("jobs", t("no_jobs_here"), t("no_jobs_here_hint"));
  return empty(
    "jobs",
    t("no_jobs"),
    t("no_jobs_hint"),
    h("a", { class: "button primary", href: "#/swap" }, t("view_swap")),
  );
}

function pauseButton({ api, health }, signal) {
  const place = h("span", {});
  let shown;
  const show = () => {
    const paused = health.current?.queue.paused ?? false;
    if (paused === shown) return;
    shown = paused;
    const deed = paused ? "resume" : "pause";
    const press = () => attempt(async () => (await api.post(`/v1/queue/${deed}`), await health.load()));
    refill(place, button(t(`queue_${deed}`), paused ? "play" : "pause", press, { class: paused ? "primary" : null }));
  };
  health.addEventListener("change", show, { signal });
  show();
  return place;
}

function failed(jobs) {
  return jobs.all.filter((job) => matches(job, "failed"));
}

function clearButton({ api, jobs }) {
  const clear = async () => {
    for (const { id } of failed(jobs)) await api.delete(`/v1/jobs/${id}`);
  };
  return button(t("clear_failed"), "trash", () => attempt(clear), { class: "quiet" });
}
