// How a job is, in a line: what it does, how far it is, or why it failed.
import { sentence } from "../problem.js";
import { framesOf, stageWords } from "../swap/progress.js";
import { duration, lengthOf, percent, t } from "../words.js";

export function noteOf(job) {
  if (job.problem) return sentence(job.problem);
  const parts = [stageWords(job)];
  if (job.state === "running") parts.push(framesOf(job) ?? percent(job.progress));
  if (job.result?.video) parts.push(lengthOf(job.result.video));
  if (job.state === "running" && job.eta_s) parts.push(timeLeft(job.eta_s));
  if (job.state === "done" && job.result) parts.push(duration(job.result.seconds));
  return parts.join(" · ");
}

/** In one piece: "4" alone at the end of a line says nothing. */
function timeLeft(seconds) {
  return t("time_left", { time: duration(Math.ceil(seconds)) }).replaceAll(" ", "\u00a0");
}
