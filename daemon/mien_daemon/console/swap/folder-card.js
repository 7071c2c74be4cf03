// What the stage shows while a folder is chosen or on its way: its pictures, how many were sent, and what is next.
import { bar, button, setBar } from "../control.js";
import { h, setText } from "../element.js";
import { icon } from "../icon.js";
import { batched } from "../pace.js";
import { sentence } from "../problem.js";
import { t } from "../words.js";
import { folderSheet } from "./folder-sheet.js";
import { countStates } from "./folder-states.js";

export function folderCard(app, _now, signal) {
  const { draft, jobs } = app;
  const figures = h("p", { class: "count", role: "status" });
  const track = bar(0, t("progress"));
  const hint = h("p", { class: "hint" });
  const refused = h("ul", { class: "refused" });
  const sheet = folderSheet(app, draft.folder, signal);
  const see = h("a", { class: "button primary", href: "#/jobs" }, t("folder_see"));
  const stop = button(t("folder_stop"), "close", () => draft.folder.sending.abort());
  const leave = () => draft.takeFolder(null);
  const takeBack = button(t("folder_take_back"), "close", leave);
  const next = button(t("folder_next"), "plus", leave, { id: "folder-next" });
  // They stay in the page while pictures are sent: a click and the focus outlast a refresh.
  const actions = h("div", { class: "row-actions wrap" }, see, stop, takeBack, next);
  const title = h("h2", {}, icon("folder"), draft.folder.name);
  const element = h("div", { class: "drop folder", "data-drop": "target" });
  element.append(title, figures, track, sheet.element, hint, refused, actions);
  jobs.addEventListener("change", batched(refresh), { signal });
  return { element, refresh };

  function refresh() {
    const { folder } = draft;
    if (!folder) return;
    const total = folder.files.length;
    const isSent = Boolean(folder.group) && !folder.sending;
    setText(figures, countWords(folder, jobs));
    const over = isSent ? countStates(folder, jobs) : null;
    track.hidden = !folder.group || (over !== null && over.done + over.failed >= over.total);
    setBar(track, over ? (over.done + over.failed) / (over.total || 1) : (folder.sent + folder.refused.length) / total);
    setText(hint, t(isSent ? "folder_sent_hint" : "folder_hint"));
    sheet.show();
    refused.hidden = folder.refused.length === 0;
    refused.replaceChildren(
      h("li", {}, t("folder_refused", { count: folder.refused.length })),
      ...folder.refused.map(({ name, problem }) => h("li", {}, `${name}: ${sentence(problem)}`)),
    );
    const isLosing = document.activeElement === stop && !folder.sending;
    see.hidden = !folder.group;
    stop.hidden = !folder.sending;
    takeBack.hidden = Boolean(folder.group);
    next.hidden = !isSent;
    if (isLosing) next.focus(); // a button that is hidden takes the focus with it
  }
}

function countWords(folder, jobs) {
  const all = folder.files.length;
  if (!folder.group) return t("pictures_count", { count: all });
  if (folder.sending) return t("folder_sending", { sent: folder.sent, total: all });
  const { done, failed, total } = countStates(folder, jobs);
  const said = t("group_counts", { done, total });
  return failed ? `${said} · ${t("group_failed", { count: failed })}` : said;
}
