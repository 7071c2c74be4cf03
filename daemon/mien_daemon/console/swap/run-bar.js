// The button that begins, and what is still missing before it may.
import { attempt } from "../announce.js";
import { iconButton } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { isOver } from "../job-list.js";
import { labelFor } from "../job-name.js";
import { t } from "../words.js";
import { isReady, jobFor } from "./assignments.js";
import { listContestants } from "./contestants.js";
import { nameGroup, sendWhole } from "./folder.js";

export function runBar(app, signal) {
  const { draft, jobs } = app;
  const go = h(
    "button",
    {
      class: "primary large",
      id: "swap",
      title: t("swap_keys"),
      "aria-keyshortcuts": "Control+Enter Meta+Enter",
      onclick: () => attempt(() => begin(app)),
    },
    icon("swap"),
    h("span", {}),
  );
  const undo = iconButton("undo", t("undo"), () => draft.undo(), { "aria-keyshortcuts": "Control+Z Meta+Z" });
  const hint = h("p", { class: "hint", role: "status" });
  const show = () => {
    const ready = draft.folder ? readyFiles(draft) : readyTargets(app);
    go.disabled = ready.length === 0 || lacksModels(app);
    go.lastChild.textContent = wording(draft, ready);
    undo.setAttribute("aria-disabled", String(draft.history.isEmpty)); // not disabled: that would lose the focus
    hint.textContent = missing(draft, ready) || (lacksModels(app) ? t("engine_needs_models") : "");
  };
  jobs.addEventListener("change", show, { signal });
  document.addEventListener("keydown", (event) => pressByKey(event, go, undo), { signal });
  return { element: h("div", { class: "run" }, hint, h("div", { class: "run-buttons" }, undo, go)), show };
}

/** Ctrl+Z takes the last change back, but in a field that takes its own back. */
function pressByKey(event, go, undo) {
  if (!(event.ctrlKey || event.metaKey) || event.repeat) return;
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1) ?? null;
  const isWriting = event.target.closest?.("input:not([type=range], [type=radio], [type=checkbox]), textarea");
  if (event.key === "Enter") press(event, standingOut(dialog, go));
  else if (event.key === "z" && !event.shiftKey && !dialog && !isWriting) press(event, undo);
}

/**
 * What Ctrl+Enter presses, from wherever the focus is: the button that stands out of a dialog that is open, else
 * *Swap*. In a question that a person answers by hand alone it presses nothing.
 */
export function standingOut(dialog, go) {
  if (!dialog) return go;
  return dialog.querySelector("[data-by-hand]") ? null : dialog.querySelector(".primary");
}

function press(event, button) {
  event.preventDefault();
  button?.click();
}

/** What a press begins: every target that has no job yet, or else the shown one again. */
function readyTargets({ draft, jobs }) {
  const fallback = draft.people[0]?.key;
  const ready = draft.targets.filter((target) => isReady(target, fallback));
  const fresh = ready.filter((target) => !draft.runs[target.digest]);
  const isOverNow = draft.run.length > 0 && draft.run.every(({ job }) => isOver(jobs.get(job) ?? { state: "done" }));
  return fresh.length || !isOverNow ? fresh : ready.filter((target) => target === draft.target);
}

/** The pictures of the folder, as long as it was not sent and there is a face to put in. */
function readyFiles({ folder, people }) {
  return folder.group || people.length === 0 ? [] : folder.files;
}

function wording(draft, ready) {
  if (draft.folder) return t("swap_all", { count: draft.folder.files.length });
  if (ready.length > 1) return t("swap_all", { count: ready.length });
  return t(draft.run.length ? "swap_again" : "swap_now");
}

function missing(draft, ready) {
  if (draft.folder) return draft.people.length === 0 ? t("missing_reference") : "";
  if (draft.targets.length === 0) return t("missing_target");
  if (draft.people.length === 0) return t("missing_reference");
  if (ready.length === 0 && draft.run.length === 0) return t("missing_choice");
  return "";
}

/** Until the engines are known none is said to lack anything. */
function lacksModels({ draft }) {
  return draft.engineOf(draft.engine)?.ready === false;
}

async function begin(app) {
  const { draft, jobs } = app;
  if (draft.folder) return beginFolder(app);
  const ready = readyTargets(app);
  const fallback = draft.people[0]?.key;
  const group = ready.length > 1 ? { group: nameGroup(ready[0].name) } : {};
  for (const target of ready) {
    const run = [];
    for (const { engine, label: title, options } of listContestants(draft, target)) {
      const priority = ready.length > 1 ? "batch" : "interactive";
      const body = jobFor(target, fallback, draft.people, options, priority);
      const label = labelFor(target.name, body, draft.people);
      const job = await jobs.post("/v1/jobs", { ...body, label, ...group });
      run.push({ job: job.id, engine, label: title });
    }
    draft.startRun(target, run);
  }
}

/** Every picture of the folder: its largest face gets the first reference. */
function beginFolder({ draft, jobs, pictures }) {
  const { engine } = draft;
  const [first] = draft.people;
  const unknown = { assignments: {} };
  const { kind: _, target: __, ...ask } = jobFor(unknown, first.key, draft.people, draft.optionsFor(engine), "batch");
  const { references } = labelFor("", ask, draft.people);
  const post = (body) => jobs.post("/v1/jobs", body);
  return sendWhole(draft, ask, nameGroup(draft.folder.name), { pictures, post, references });
}
