// One job in the list: its picture, its state, and what can be done about it.
import { attempt } from "../announce.js";
import { bar, iconButton, setBar } from "../control.js";
import { h, refill } from "../element.js";
import { titleOf } from "../job-name.js";
import { sentence } from "../problem.js";
import { framesOf, stageWords } from "../swap/progress.js";
import { keepFaceInSight, previewPath } from "../swap/target-picture.js";
import { ago, duration, lengthOf, percent, t } from "../words.js";
import { neighbour } from "./order.js";
import { stepPicture } from "./step-picture.js";

const THUMBNAIL = 160;

export function jobRow(app, first) {
  const img = h("img", { alt: "" });
  const step = stepPicture(app.api);
  const title = h("strong", {});
  const note = h("span", { class: "row-note" });
  const when = h("span", { class: "row-when" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  const element = h(
    "li",
    { class: "row", "data-id": first.id },
    h("div", { class: "thumb" }, img, step.element),
    h("div", { class: "row-main" }, h("p", {}, title, note), track),
    when,
    actions,
  );
  /** @type {any} the job as it is shown */
  let shown = null;
  return { element, update };

  function update(job) {
    when.textContent = ago(Date.parse(job.finished_at ?? job.created_at) / 1000);
    if (job === shown) return;
    app.pictures.lazily(img, thumbnailPath(job));
    keepFaceInSight(img, job);
    keepFaceInSight(step.element, job);
    step.look(job);
    title.textContent = titleOf(job, app.people.names);
    note.textContent = noteOf(job);
    track.hidden = job.state !== "running";
    setBar(track, job.progress);
    if (shown?.state !== job.state) {
      element.dataset.state = job.state;
      refill(actions, deeds(app, job));
    }
    shown = job;
  }
}

function thumbnailPath(job) {
  return job.state === "done" ? `/v1/jobs/${job.id}/preview?side=${THUMBNAIL}` : previewPath(job.target, THUMBNAIL);
}

function noteOf(job) {
  if (job.problem) return sentence(job.problem);
  const parts = [stageWords(job)];
  if (job.state === "running") parts.push(framesOf(job) ?? percent(job.progress));
  if (job.result?.video) parts.push(lengthOf(job.result.video));
  if (job.state === "running" && job.eta_s) parts.push(t("time_left", { time: duration(Math.ceil(job.eta_s)) }));
  if (job.state === "done" && job.result) parts.push(duration(job.result.seconds));
  return parts.join(" · ");
}

function deeds({ api, jobs, router }, { id, state, kind }) {
  const deed = (icon, words, work) => iconButton(icon, words, () => attempt(work), { "data-deed": icon });
  const move = (way) => () => jobs.post(`/v1/jobs/${id}/move`, { before: neighbour(jobs.all, id, way) });
  const cancel = deed("close", t("cancel"), () => jobs.post(`/v1/jobs/${id}/cancel`));
  const remove = deed("trash", t("delete"), () => api.delete(`/v1/jobs/${id}`));
  const retry = deed("retry", t("try_again"), () => jobs.post(`/v1/jobs/${id}/retry`));
  const open = deed("chevron", t("open_result"), () => router.go("results", id));
  return {
    queued: [deed("up", t("sooner"), move(-1)), deed("down", t("later"), move(1)), cancel],
    running: [cancel],
    failed: [retry, remove],
    cancelled: [retry, remove],
    done: kind === "analyse" ? [remove] : [remove, open],
  }[state];
}
