// The latest step of a running job, laid over its target where the engine shows steps.
import { h } from "../element.js";

const PAUSE_MS = 500; // at most two pictures a second
const LONGEST_PAUSE_MS = 8000; // engines without pictures of steps are asked ever less often

/**
 * An image that is hidden until there is a step to see. Call `look` at each change of the job.
 * @param {{ blob(path: string): Promise<Blob> }} api
 * @param {() => number} now milliseconds
 */
export function stepPicture(api, now = () => performance.now()) {
  const element = h("img", { alt: "", class: "step", hidden: true });
  const timing = { due: 0, pause: PAUSE_MS };
  /** @type {any} the job that was looked at last; undefined where none runs */
  let latest;
  let shown = "";
  return { element, look };

  async function look(job) {
    latest = job?.state === "running" ? job : undefined;
    element.hidden = latest?.id !== shown;
    if (latest?.stage !== "generate" || now() < timing.due) return;
    timing.due = Infinity; // one at a time
    const began = now();
    await show(latest);
    timing.due = began + timing.pause;
  }

  async function show({ id, progress }) {
    try {
      const picture = await api.blob(`/v1/jobs/${id}/preview?step=${Math.round(1000 * progress)}`);
      timing.pause = PAUSE_MS;
      if (latest?.id === id) shown = (await fillImage(element, picture)) ? id : "";
      element.hidden = latest?.id !== shown;
    } catch (error) {
      if (!error.document) throw error; // job-unfinished: there is no step to see yet, or never
      timing.pause = Math.min(2 * timing.pause, LONGEST_PAUSE_MS);
    }
  }
}

/** Show a picture; false where the browser cannot. Its address is of no use once it is decoded. */
async function fillImage(img, picture) {
  const url = URL.createObjectURL(picture);
  img.src = url;
  try {
    await img.decode();
    return true;
  } catch {
    return false;
  } finally {
    URL.revokeObjectURL(url);
  }
}
