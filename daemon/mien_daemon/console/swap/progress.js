// A swap under way: how far, at what, how much longer, and a way to stop it.
import { attempt } from "../announce.js";
import { bar, button, setBar, spare } from "../control.js";
import { h, setVars } from "../element.js";
import { isOver } from "../job-list.js";
import { stepPicture } from "../jobs/step-picture.js";
import { duration, percent, t } from "../words.js";
import { listAssigned } from "./assignments.js";
import { pictureSheet, placeAt } from "./picture-sheet.js";
import { engineWords } from "./option-words.js";

export function progress(app, { run }, signal) {
  const { target } = app.draft;
  const shown = pictureSheet(app, target, signal, () => placeBars());
  const step = stepPicture(app.api);
  shown.sheet.append(step.element);
  const bars = target.clip ? [] : listAssigned(target).map(([index]) => faceBar(target, index));
  const lines = run.map((each) => line(each, run.length));
  const card = h(
    "div",
    { class: run.length > 2 ? "progress many" : "progress" },
    h(
      "div",
      { class: "lines" },
      lines.map(({ element }) => element),
    ),
    button(spare(t("cancel")), "close", () => cancel(app, run), { id: "cancel-swap" }),
  );
  const placeBars = () => {
    const size = shown.size();
    if (size) for (const each of bars) each.place(size);
  };
  shown.layer.append(...bars.map(({ element }) => element));
  placeBars();
  return {
    element: h("div", { class: "working" }, shown.element, card),
    refresh(now) {
      now.run.forEach((each, at) => lines[at].update(each.job));
      const done = Math.min(...now.run.map(({ job }) => job?.progress ?? 0));
      for (const each of bars) each.show(done);
      step.look(now.run.find(({ job }) => job?.state === "running")?.job);
    },
  };
}

/** A thin bar under a face that changes. The line at the foot says the same in words. */
function faceBar(target, index) {
  const { bbox } = target.faces?.find((face) => face.index === index) ?? {};
  const element = h("span", { class: "face-bar", "aria-hidden": "true", hidden: !bbox });
  return {
    element,
    place: (size) => bbox && placeAt(element, bbox, size),
    show: (done) => setVars(element, { done: `${Math.round(100 * done)}%` }),
  };
}

/** One of `count`; of many there is room for the name and how far it is. */
function line({ engine, label }, count) {
  const stage = h("strong", { role: "status" });
  const figures = h("span", { class: "figures" });
  const track = bar(0, t("progress"));
  return {
    element: h(
      "div",
      { class: "line" },
      h("p", {}, count > 1 ? h("span", { class: "chip" }, label ?? engineWords(engine)) : null, stage, figures),
      track,
    ),
    update(job) {
      if (!job) return;
      stage.textContent = stageWords(job);
      figures.textContent =
        job.state === "running"
          ? [
              framesOf(job) ?? percent(job.progress),
              job.eta_s && count <= 2 ? t("time_left", { time: duration(Math.ceil(job.eta_s)) }) : "",
            ]
              .filter(Boolean)
              .join(" · ")
          : "";
      setBar(track, job.progress);
      track.toggleAttribute("data-waiting", job.state === "queued");
    },
  };
}

/** How many pictures of a running clip are done; null for anything else. */
export function framesOf({ frames }) {
  return frames ? t("frames_done", frames) : null;
}

export function stageWords(job) {
  if (job.state === "running") return t(job.stage ? `stage_${job.stage.replaceAll("-", "_")}` : "stage_begin");
  return t(`state_${job.state}`);
}

function cancel({ jobs }, run) {
  return attempt(async () => {
    for (const { id } of run) {
      const job = jobs.get(id);
      if (job && !isOver(job)) await jobs.post(`/v1/jobs/${id}/cancel`);
    }
  });
}
