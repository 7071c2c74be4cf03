// The clip to edit: its player or poster, which part of it is meant, and what the daemon makes of it.
import { attempt } from "../announce.js";
import { field } from "../control.js";
import { fill, h } from "../element.js";
import { player } from "../viewer/player.js";
import { t } from "../words.js";
import { clipControlsFor } from "./engines.js";
import { say } from "./face-boxes.js";
import { optionControl } from "./option-control.js";

export function clipTarget(app, _now, signal) {
  const { draft } = app;
  const target = draft.target;
  const note = h("div", { class: "stage-note", role: "status" });
  const shown = player(app, target, t("target_image", { name: target.name }), signal);
  const begin = seconds("clip-from", target.begin);
  const end = seconds("clip-to", target.end);
  const trim = () => {
    const part = { begin: Number(begin.value) || undefined, end: Number(end.value) || undefined };
    if (part.begin !== target.begin || part.end !== target.end) attempt(() => draft.trim(target, part));
  };
  for (const input of [begin, end]) input.addEventListener("change", trim, { signal });
  const part = h(
    "div",
    { class: "clip-part", role: "group", "aria-label": t("clip_part") },
    field(t("clip_from"), begin),
    field(t("clip_to"), end),
  );
  const written = h("div", { class: "clip-part written", role: "group", "aria-label": t("clip_result") });
  const element = h("div", { class: "picture clip", "data-drop": "target" }, shown, part, written, note);
  draft.look(target);
  let built = "";
  const refresh = () => {
    say(note, target);
    const count = clipControlsFor(draft.options, draft.clipControls).length;
    const key = `${count} ${draft.history.undone}`; // once they are told, as the format has them, and undone
    if (key !== built) refillControls(written, controlsOf(draft));
    built = key;
  };
  return { element, refresh };
}

/** New controls in the place of old ones: a focus that was on one of them stays with its option. */
function refillControls(element, controls) {
  const at = [...element.children].findIndex((child) => child.contains(document.activeElement));
  fill(element, ...controls);
  const now = element.children[at];
  (now?.querySelector("input:checked") ?? now?.querySelector("select, input"))?.focus();
}

/** How the result is written. */
function controlsOf(draft) {
  return clipControlsFor(draft.options, draft.clipControls).map((control) => {
    const key = `clip.${control.name}`;
    return optionControl(control, draft.options[key] ?? control.value, (value) => draft.set({ [key]: value }));
  });
}

function seconds(id, value) {
  return h("input", { id, type: "number", min: "0", step: "0.1", inputmode: "decimal", value: value ?? "" });
}
