// Who is in a clip: a job looks for them, and its result is one picture of all their faces.
import { isOver } from "../job-list.js";
import { Problem } from "../problem.js";
import { partOf } from "./assignments.js";

/**
 * Look for the people of a clip. They become its `faces`, each with its place in the picture `sheet`; `duration` is
 * that of the part that was looked at. A later look, at another part, wins: it stops the job of this one.
 * @param {import("../api.js").Api} api
 * @param {any} target
 */
export async function lookAtClip(api, target) {
  const earlier = target.look;
  const look = (target.look = { job: "" });
  if (earlier?.job) await cancel(api, earlier.job);
  const asked = await api.post("/v1/jobs", {
    kind: "analyse",
    target: target.digest,
    options: partOf(target),
    label: { target: target.name },
  });
  if (target.look !== look) return cancel(api, asked.id);
  look.job = asked.id;
  const job = await watch(api, asked);
  if (target.look !== look) return;
  look.job = "";
  if (!job.result) throw new Problem(job.problem ?? { code: "cancelled" });
  target.sheet = `/v1/jobs/${job.id}/result`;
  target.duration = job.result.duration_s;
  if (!target.begin && !target.end) target.length = target.duration;
  target.faces = job.result.people.map(({ id, crop: [x, y, width, height], spans, faults }) => ({
    index: id,
    bbox: [x, y, x + width, y + height],
    spans,
    faults,
  }));
}

/** One that has ended by itself refuses it. */
export async function cancel(api, id) {
  try {
    await api.post(`/v1/jobs/${id}/cancel`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

/** The job once it is over. */
export async function watch(api, asked) {
  let job = asked;
  let tag = "";
  while (!isOver(job)) {
    const headers = tag ? { "If-None-Match": tag } : {};
    const response = await api.send(`/v1/jobs/${job.id}?wait=20`, { headers }).catch(unchanged);
    if (!response) continue;
    tag = response.headers.get("ETag") ?? "";
    job = await response.json();
  }
  return job;
}

/** 304 is no refusal: nothing has changed in twenty seconds. */
function unchanged(error) {
  if (error.document?.status !== 304) throw error;
  return null;
}
