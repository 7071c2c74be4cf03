// The middle of the Swap view: where to drop a picture, the picture with its faces, the swap under way, the result.
import { button } from "../control.js";
import { fill, h } from "../element.js";
import { icon } from "../icon.js";
import { isOver } from "../job-list.js";
import { t } from "../words.js";
import { addFolder, addTargets, choose, chooseFolder } from "./drop.js";
import { nameOf } from "./person.js";
import { nameKept } from "./session.js";

export function stage(app, signal) {
  const { draft, jobs } = app;
  const place = h("div", { class: "stage", tabindex: -1 });
  const said = h("p", { class: "unseen", role: "status" });
  const element = h("div", { class: "stage-frame" }, place, said);
  let shown = "";
  let awaited = ""; // the jobs whose end is to be told
  /** @type {((now: any) => void) | null} updates what is shown, where it can be */
  let refresh = null;
  let inner = new AbortController();

  /** Rebuild only when another thing is to be seen; progress and faces update what is there. */
  const show = () => {
    const now = subject(draft, jobs);
    element.dataset.of = draft.target?.clip && !draft.folder ? "clip" : "picture";
    if (now.kind === "progress") awaited = jobsOf(draft);
    const key = [now.kind, draft.folder?.name, draft.target?.url ?? draft.target?.digest, jobsOf(draft)].join("|");
    if (key !== shown) {
      shown = key;
      inner.abort();
      inner = new AbortController();
      refresh = null;
      build(now, AbortSignal.any([signal, inner.signal]));
    }
    refresh?.(now);
  };

  async function build(now, leaving) {
    const part = await BUILD[now.kind]();
    if (leaving.aborted) return;
    /** @type {{ element: HTMLElement, refresh?: (now: any) => void, ready?: Promise<void> }} */
    const built = part(app, now, leaving);
    await built.ready; // what was there stays until then
    if (leaving.aborted) return;
    refresh = built.refresh ?? null;
    const before = place.dataset.kind;
    const put = () => {
      const { activeElement } = document;
      const isWithin = place.contains(activeElement);
      place.dataset.kind = now.kind;
      fill(place, built.element);
      refresh?.(subject(draft, jobs));
      if (before && (isWithin || RUNNING.has(now.kind))) keepFocus(place, activeElement);
      if (before && now.kind === "progress") place.scrollIntoView({ block: "nearest" }); // in a narrow window
    };
    if (FADED.has(now.kind) && before === "progress") crossfade(put);
    else put();
    const hasEnded = awaited !== "" && awaited === jobsOf(draft) && now.kind !== "progress";
    if (hasEnded) {
      said.textContent = endWords(now.kind);
      awaited = "";
    } else if (awaited !== "" || draft.run.length === 0) said.textContent = "";
  }

  jobs.addEventListener("change", show, { signal });
  // A job may be over before the page hears that it was taken.
  const expectEnd = (/** @type {any} */ { detail }) => detail === draft.target && (awaited = jobsOf(draft));
  draft.addEventListener("begun", expectEnd, { signal });
  return { element, show };
}

const jobsOf = ({ run }) => run.map(({ job }) => job).join();

/** What takes the place of something that had the focus gives it to its first action: it never falls to the page. */
function keepFocus(place, focused) {
  if (focused && ![document.body, place].includes(focused) && focused.isConnected && !focused.disabled) return;
  (place.querySelector(".primary") ?? place.querySelector("button") ?? place).focus({ preventScroll: true });
}

/** How a run ended, for who does not look. */
function endWords(kind) {
  return { result: t("swap_done"), clipResult: t("swap_done"), failed: t("state_failed") }[kind] ?? "";
}

/** From what was there to what is put, where the browser can and the person does not mind motion. */
function crossfade(put) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (isStill || !document.startViewTransition) put();
  else document.startViewTransition(put).ready.catch(() => {}); // another change may overtake it
}

const FADED = new Set(["result", "clipResult"]);

/** Kinds that follow from a press, and take the place of what was pressed. */
const RUNNING = new Set(["progress", "result", "clipResult", "failed", "cancelled"]);

/** What there is to see. */
function subject(draft, jobs) {
  if (draft.folder) return { kind: "folder" };
  if (!draft.target) return { kind: "empty" };
  const run = draft.run.map((each) => ({ ...each, job: jobs.get(each.job), id: each.job }));
  if (run.length === 0) return { kind: draft.target.clip ? "clip" : "picture", run };
  for (const { id, job } of run) if (!job) jobs.find(id);
  const isClip = run.some(({ job }) => job?.result?.video);
  if (run.every(({ job }) => job?.state === "done")) return { kind: isClip ? "clipResult" : "result", run };
  const bad = run.find(({ job }) => job?.state === "failed");
  if (bad && run.every(({ job }) => job && isOver(job))) return { kind: "failed", run, problem: bad.job.problem };
  if (run.every(({ job }) => job && isOver(job))) return { kind: "cancelled", run };
  return { kind: "progress", run };
}

/** What builds each; what the first look does not show is evaluated when it is wanted. */
const BUILD = {
  empty: async () => dropZone,
  folder: async () => (await import("./folder-card.js")).folderCard,
  picture: async () => (await import("./face-boxes.js")).faceBoxes,
  clip: async () => (await import("./clip-target.js")).clipTarget,
  clipResult: async () => (await import("./clip-result.js")).clipResult,
  progress: async () => (await import("./progress.js")).progress,
  result: async () => (await import("./result.js")).result,
  failed: async () => (await import("./ended.js")).failed,
  cancelled: async () => (await import("./ended.js")).cancelled,
};

function dropZone(app, _now, signal) {
  const element = h(
    "div",
    { class: "drop", "data-drop": "target" },
    h("div", { class: "drop-art", "aria-hidden": "true" }, icon("faces"), icon("forward"), icon("results")),
    h("h2", {}, t("drop_title")),
    h("p", {}, t("drop_text")),
    button(t("choose_picture"), "plus", () => choose((files) => addTargets(app, files)), {
      class: "primary large",
      id: "choose-target",
    }),
    button(t("choose_folder"), "folder", () => chooseFolder((folder) => addFolder(app, folder)), {
      class: "quiet",
      id: "choose-folder",
    }),
    app.draft.last ? resumeButton(app, signal) : null,
    h("p", { class: "hint" }, icon("lock"), t("drop_private")),
  );
  return { element };
}

/** The swap of a tab that is gone, named by its pictures. */
function resumeButton({ draft, people }, signal) {
  const words = () => {
    const { targets, references } = nameKept(draft.last, people.names);
    const names = [references[0] && nameOf(references[0]), targets[0].name];
    return t("resume_swap", { names: names.filter(Boolean).join(" → ") });
  };
  const resume = button(words(), "retry", () => draft.resume(people.names), { class: "quiet", id: "resume" });
  const rename = () => draft.last && (resume.lastChild.textContent = words());
  people.addEventListener("change", rename, { signal });
  return resume;
}
