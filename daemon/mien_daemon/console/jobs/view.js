// Jobs: what runs, what waits and in which order, what became of the rest.
import { attempt } from "../announce.js";
import { button, segmented } from "../control.js";
import { h, refill } from "../element.js";
import { menuButton } from "../menu.js";
import { empty, loading } from "../notice.js";
import { batched, everyMinute } from "../pace.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { groupRow, matchesGroup } from "./group-row.js";
import { jobRow } from "./job-row.js";
import { byPlace, inOrder, keyOf, matches } from "./order.js";

const FILTERS = ["all", "active", "done", "failed"];
const SECTIONS = ["running", "queued", "over"];
const AT_ONCE = 10; // rows that are made in a frame of 16 ms

export function mount(main, app, signal) {
  const { groups, jobs } = app;
  const state = { filter: "all", open: new Set() };
  const none = h("div", { class: "card" });
  const more = button(t("show_older"), null, () => jobs.more(), { class: "quiet" });
  const head = pageHead(app, state, () => show(), signal);
  const sections = SECTIONS.map((name) => section(app, name, (group) => toggleGroup(app, state, group, show)));
  const lists = h(
    "div",
    { class: "queue" },
    sections.map(({ element }) => element),
  );
  const show = () => {
    const shown = arrange(collect(groups.all, inOrder(jobs.all), state));
    for (const each of sections) each.show(shown[each.name]);
    const count = Object.values(shown).flat().length;
    more.hidden = !jobs.next;
    head.refresh();
    none.hidden = count > 0;
    lists.hidden = count === 0;
    if (count === 0) none.replaceChildren(jobs.loaded ? nothing(state.filter) : loading());
  };
  const soon = batched(show);
  for (const source of [jobs, app.people, groups]) source.addEventListener("change", soon, { signal });
  everyMinute(soon, signal);
  main.append(h("div", { class: "page" }, head.element, none, lists, more));
  show();
}

/** The title with what is chosen and done about all jobs at once. */
function pageHead(app, state, show, signal) {
  const many = menuButton(() => deedsOnMany(app));
  const filters = FILTERS.map((name) => [name, t(`filter_${name}`)]);
  const filter = segmented(t("show"), filters, state.filter, (name) => {
    state.filter = name;
    show();
  });
  const title = h("h1", {}, t("view_jobs"));
  return {
    element: h("header", { class: "page-head" }, title, filter, pauseButton(app, signal), many),
    refresh() {
      many.hidden = deedsOnMany(app).length === 0;
    },
  };
}

/** Show the jobs of a group, or hide them. */
function toggleGroup({ jobs }, { open }, group, show) {
  if (!open.delete(group)) {
    open.add(group);
    attempt(() => jobs.moreOf(group));
  }
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

/** The jobs in three parts: running, waiting, finished. The jobs of an open group follow it. */
export function arrange(listed) {
  const sections = { running: [], queued: [], over: [] };
  const groups = new Set(listed.filter((each) => !each.id).map((each) => each.group));
  /** @type {{ group: string, name: string } | null} */
  let group = null;
  for (const each of listed) {
    const name = each.id
      ? group && each.group === group.group
        ? group.name
        : sectionOf(each.state)
      : sectionOfGroup(each);
    if (!each.id) group = each.isOpen ? { group: each.group, name } : null;
    sections[name].push(each);
  }
  return { ...sections, queued: inTurn(sections.queued, groups) };
}

/** What waits as it will begin, the jobs of an open group below it. */
function inTurn(queued, names) {
  const isHead = (each) => !each.id || !names.has(each.group);
  const below = (head) => (head.id ? [] : queued.filter((each) => each.group === head.group && !isHead(each)));
  return queued
    .filter(isHead)
    .sort(byPlace)
    .flatMap((head) => [head, ...below(head)]);
}

function sectionOf(state) {
  return state === "running" || state === "queued" ? state : "over";
}

function sectionOfGroup({ running, queued }) {
  if (running > 0) return "running";
  return queued > 0 ? "queued" : "over";
}

function section(app, name, toggle) {
  const heading = h("h2", {}, t(`jobs_${name}`));
  const list = h("ul", { class: "rows", "aria-label": t(`jobs_${name}`) });
  const row = (each) => (each.id ? jobRow(app, each) : groupRow(app, each, toggle));
  const display = rows(list, keyOf, row, AT_ONCE);
  const element = h("section", { class: "queue-part", "data-part": name }, heading, list);
  return {
    name,
    element,
    show(items) {
      display(items);
      element.hidden = items.length === 0;
    },
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
  const place = h("span", { class: "first" });
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

/** What can be done with all waiting or all failed jobs at once, as far as there are some. */
function deedsOnMany({ api, jobs }) {
  const among = (/** @type {(job: any) => boolean} */ isMeant) => jobs.all.filter(isMeant);
  const deed = (label, icon, some, work) => ({
    label,
    icon,
    some,
    run: () =>
      attempt(async () => {
        for (const { id } of some) await work(id);
      }),
  });
  // What a person stopped stays stopped; it is cleared with what failed.
  const again = among(({ state }) => state === "failed");
  const over = among((job) => matches(job, "failed"));
  const waiting = among(({ state }) => state === "queued");
  return [
    deed(t("retry_failed"), "retry", again, (id) => jobs.post(`/v1/jobs/${id}/retry`)),
    deed(t("clear_failed"), "trash", over, (id) => api.delete(`/v1/jobs/${id}`)),
    deed(t("cancel_waiting"), "close", waiting, (id) => jobs.post(`/v1/jobs/${id}/cancel`)),
  ].filter(({ some }) => some.length > 0);
}
