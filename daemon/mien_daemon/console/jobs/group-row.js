// One group of jobs in the list: how many are done, and what can be done about all of them.
import { attempt } from "../announce.js";
import { bar, iconButton, setBar } from "../control.js";
import { h, refill, setVars } from "../element.js";
import { icon } from "../icon.js";
import { groupTitle } from "../job-name.js";
import { t } from "../words.js";
import { grip } from "./grip.js";

/** `toggle(name)` shows or hides the jobs of the group. */
export function groupRow(app, first, toggle) {
  const title = groupTitle(first.group);
  const note = h("span", { class: "row-note" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  const open = h("button", { class: "quiet group-open", onclick: () => toggle(first.group) });
  const element = h(
    "li",
    { class: "row of-jobs", "data-group": first.group },
    h("div", { class: "thumb" }, icon("folder")),
    h("div", { class: "row-main" }, h("p", {}, h("strong", {}, title), note), track),
    h("div", { class: "row-actions" }, open, actions),
  );
  /** @type {HTMLElement | null} only where something of it waits */
  let handle = null;
  let shown = "";
  return { element, update };

  function update({ isOpen, ...group }) {
    note.textContent = noteOf(group);
    showShares(track, group);
    element.dataset.state = stateOf(group);
    open.textContent = t(isOpen ? "group_hide" : "group_show");
    open.setAttribute("aria-expanded", String(isOpen));
    if (Boolean(group.next) !== Boolean(handle)) {
      handle?.remove();
      handle = group.next ? grip(app, { group: first.group }) : null;
      if (handle) element.prepend(handle);
      handle?.setAttribute("aria-label", t("move_job", { name: title }));
    }
    const deeds = deedsFor(group);
    if (deeds.join() === shown) return;
    shown = deeds.join();
    refill(
      actions,
      deeds.map((deed) => button(app, group.group, deed)),
    );
  }
}

const isActive = ({ queued, running }) => queued + running > 0;
const lost = ({ failed, cancelled }) => failed + cancelled;

/** "running" as long as something waits or runs, then what most concerns a person. */
export function stateOf(group) {
  if (isActive(group)) return "running";
  return lost(group) > 0 ? "failed" : "done";
}

export function matchesGroup(group, filter) {
  if (filter === "active") return isActive(group);
  if (filter === "failed") return lost(group) > 0;
  if (filter === "done") return group.done > 0;
  return true;
}

/** What is done from the left, what failed or was stopped from the right. */
function showShares(track, group) {
  const gone = lost(group) / group.total;
  setBar(track, Math.max(0, group.progress - gone));
  setVars(track, { lost: `${100 * gone}%` });
}

function noteOf(group) {
  const counts = t("group_counts", { done: group.done, total: group.total });
  return lost(group) > 0 ? `${counts} · ${t("group_failed", { count: lost(group) })}` : counts;
}

function deedsFor(group) {
  return [...(isActive(group) ? ["cancel"] : []), ...(lost(group) > 0 ? ["retry"] : [])];
}

function button({ groups }, name, deed) {
  const [image, words] = deed === "cancel" ? ["close", t("cancel")] : ["retry", t("try_again")];
  const press = () => attempt(() => groups.post(name, deed));
  return iconButton(image, `${words}: ${groupTitle(name)}`, press, { "data-deed": image });
}
