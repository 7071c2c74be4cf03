// A swap that ended without a result: why, over the picture that it was about, and what can be done.
import { attempt } from "../announce.js";
import { button } from "../control.js";
import { h } from "../element.js";
import { refused } from "../notice.js";
import { t } from "../words.js";
import { pictureSheet } from "./picture-sheet.js";

export function failed(app, { run, problem }, signal) {
  return over(app, run, refused(problem), signal);
}

export function cancelled(app, { run }, signal) {
  return over(app, run, h("div", { class: "notice" }, h("h2", {}, t("swap_cancelled"))), signal);
}

/** How a run ended without a result, over the picture that it was about. */
function over(app, run, words, signal) {
  const retry = button(t("try_again"), "retry", () => again(app, run), { class: "primary" });
  const ways = h("div", { class: "row-actions" }, back(app), retry);
  const { element } = pictureSheet(app, app.draft.target, signal);
  return { element: h("div", { class: "ended" }, element, h("div", { class: "over" }, words, ways)) };
}

function back({ draft }) {
  return button(t("change_something"), "pencil", () => draft.edit(), { class: "quiet" });
}

function again({ jobs }, run) {
  return attempt(async () => {
    for (const { id, job } of run) if (job.state !== "done") await jobs.post(`/v1/jobs/${id}/retry`);
  });
}
