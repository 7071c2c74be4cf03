// One picture of a clip, swapped as a still with the people that were chosen, before the long part.
import { button, iconButton } from "../control.js";
import { fill, h, setVars } from "../element.js";
import { icon } from "../icon.js";
import { labelFor } from "../job-name.js";
import { Problem, sentence } from "../problem.js";
import { clock } from "../viewer/clock.js";
import { divider } from "../viewer/divider.js";
import { likenessWords, worstOf } from "../viewer/likeness.js";
import { percent, t } from "../words.js";
import { isReady, jobFor, listAssigned } from "./assignments.js";
import { cancel, watch } from "./clip-people.js";
import { cutRegion } from "./face-crop.js";
import { stageWords } from "./progress.js";

const SIDE = 8192; // more than any clip has: the picture comes in its own size

/**
 * `picture` is where the clip is shown, `note` where it is talked about, and `at` the moment that is looked at.
 * `close` shows the clip again.
 * @param {any} app
 * @param {any} target
 * @param {{ picture: HTMLElement, note: HTMLElement, at: () => number }} place
 * @param {AbortSignal} signal
 */
export function clipTry(app, target, { picture, note, at }, signal) {
  let job = ""; // that is at work
  let busy = false;
  let isTelling = false; // until another moment is looked at
  /** @type {HTMLElement | null} */
  let shown = null;
  const element = button(t("clip_try"), "hold", () => void (busy ? job && cancel(app.api, job) : run()));
  element.title = t("clip_try_hint");
  app.jobs.addEventListener("change", () => job && tellProgress(note, app.jobs.get(job)), { signal });
  return { element, refresh, close };

  /** Whether the note is its own at present. */
  function refresh() {
    element.hidden = !target.faces?.length || !isReady(target, undefined);
    return busy || (isTelling && target.faces !== undefined);
  }

  function close() {
    shown?.remove();
    shown = null;
    isTelling = false;
  }

  async function run() {
    busy = isTelling = true;
    dress();
    say(note, "plain", h("span", { class: "spinner" }), t("sending"));
    try {
      const still = await sendStill(app, target, at());
      job = (await ask(app, target, still)).id;
      const done = await watch(app.api, { id: job });
      if (!done.result) throw new Problem(done.problem ?? { code: "cancelled" });
      const result = await app.pictures.url(`/v1/jobs/${job}/result`);
      if (signal.aborted) return;
      shown?.remove();
      picture.append((shown = over(still.url, result, () => (close(), element.focus()))));
      say(note, "plain", ...verdict(done.result, clock(still.at)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(note, "bad", icon("warning"), error.code === "cancelled" ? t("swap_cancelled") : sentence(error.document));
    } finally {
      busy = false;
      job = "";
      dress();
    }
  }

  function dress() {
    fill(element, icon(busy ? "close" : "hold"), t(busy ? "cancel" : "clip_try"));
  }
}

function tellProgress(note, job) {
  if (job?.state === "running")
    say(note, "plain", h("span", { class: "spinner" }), stageWords(job), percent(job.progress));
}

function say(note, kind, ...words) {
  note.dataset.kind = kind;
  fill(note, ...words);
}

/** The picture at a moment as one of its own, as the daemon reads it. */
async function sendStill({ api, pictures }, target, at) {
  const path = `/v1/blobs/${target.digest}/preview?side=${SIDE}&at=${at.toFixed(3)}`;
  const bytes = await api.blob(path);
  const digest = await pictures.put(new File([bytes], "still.jpg", { type: bytes.type }));
  target.still = digest;
  return { digest, at, name: `${target.name} ${clock(at)}`, url: await pictures.url(path) };
}

/** The swap of that picture: the people of the clip are found in it by their faces. */
async function ask(app, target, { digest, name }) {
  const { draft, jobs } = app;
  const likes = await Promise.all(listAssigned(target).map(([index]) => sendFace(app, target, index)));
  const unknown = { digest, assignments: target.assignments };
  const body = jobFor(unknown, undefined, draft.people, draft.optionsFor(draft.engine), "interactive");
  body.options.faces = { like: likes.length > 1 ? likes : likes[0] };
  return jobs.post("/v1/jobs", { ...body, label: labelFor(name, body, draft.people) });
}

/** One of the people, out of the picture of all their faces. */
async function sendFace({ pictures }, target, index) {
  const url = await pictures.url(target.sheet);
  const { bbox } = target.faces.find((face) => face.index === index);
  return pictures.put(await cutRegion(url, bbox, "face.png"));
}

/** Both pictures on top of one another, with a divider between. */
function over(before, after, onclose) {
  const layer = (url, label) =>
    h("div", { class: "tried-layer" }, h("img", { src: url, alt: label, draggable: "false" }));
  const element = h("div", { class: "tried" }, layer(before, t("before")), layer(after, t("after")));
  const split = divider(element);
  element.append(
    ...split.elements,
    h("span", { class: "tag before" }, t("before")),
    h("span", { class: "tag after" }, t("after")),
    iconButton("close", t("clip_try_close"), onclose, { class: "bare tried-close" }),
  );
  split.start(50);
  const img = /** @type {HTMLImageElement} */ (element.querySelector("img"));
  img.addEventListener("load", () => setVars(element, { ratio: img.naturalWidth / img.naturalHeight }));
  return element;
}

function verdict(result, name) {
  const worst = worstOf(result);
  const said = worst && likenessWords(worst.verdict, null);
  return said ? [icon(said.icon), `${name}: ${said.words}`] : [icon("check"), t("swap_done")];
}
