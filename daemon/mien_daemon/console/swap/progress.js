// A swap under way: how far, at what, how much longer, and a way to stop it.
import { attempt } from "../announce.js";
import { bar, button, setBar } from "../control.js";
import { h } from "../element.js";
import { isOver } from "../job-list.js";
import { stepPicture } from "../jobs/step-picture.js";
import { duration, percent, t } from "../words.js";
import { showPicture } from "./target-picture.js";
import { engineWords } from "./option-words.js";

export function progress(app, { run }) {
  const img = h("img", { alt: "", class: "dimmed" });
  const { clip, digest } = app.draft.target;
  showPicture(img, clip ? { url: null, digest } : app.draft.target, app.pictures);
  const step = stepPicture(app.api);
  const lines = run.map((each) => line(each, run.length > 1));
  const card = h(
    "div",
    { class: "card progress" },
    lines.map(({ element }) => element),
    button(t("cancel"), "close", () => cancel(app, run), { id: "cancel-swap" }),
  );
  return {
    element: h("div", { class: "working" }, img, step.element, card),
    refresh(now) {
      now.run.forEach((each, at) => lines[at].update(each.job));
      step.look(now.run.find(({ job }) => job?.state === "running")?.job);
    },
  };
}

function line({ engine }, named) {
  const stage = h("strong", { role: "status" });
  const figures = h("span", { class: "figures" });
  const track = bar(0, t("progress"));
  return {
    element: h(
      "div",
      { class: "line" },
      h("p", {}, named ? h("span", { class: "chip" }, engineWords(engine)) : null, stage, figures),
      track,
    ),
    update(job) {
      if (!job) return;
      stage.textContent = stageWords(job);
      figures.textContent =
        job.state === "running"
          ? [
              framesOf(job) ?? percent(job.progress),
              job.eta_s ? t("time_left", { time: duration(Math.ceil(job.eta_s)) }) : "",
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
