// How a clip's result is written: its format, codec and quality, in a section of its own beside the clip.
import { h } from "../element.js";
import { t } from "../words.js";
import { clipControlsFor } from "./engines.js";
import { optionControl } from "./option-control.js";
import { refillControls } from "./refill-controls.js";

/** @param {any} app */
export function clipPanel({ draft }, _signal) {
  const body = h("div", { class: "stack" });
  const title = h("h2", { id: "clip-written" }, t("clip_result"));
  const element = h("section", { class: "panel", "aria-labelledby": title.id, hidden: true }, title, body);
  let built = "";
  return { element, show };

  function show() {
    element.hidden = !draft.target?.clip || draft.folder !== null;
    const controls = element.hidden ? [] : clipControlsFor(draft.options, draft.clipControls);
    const key = `${controls.length} ${draft.history.undone}`; // once they are told, as the format has them, and undone
    if (key === built) return;
    built = key;
    refillControls(
      body,
      controls.map((control) => controlOf(draft, control)),
    );
  }
}

function controlOf(draft, control) {
  const key = `clip.${control.name}`;
  return optionControl(control, draft.options[key] ?? control.value, (value) => draft.set({ [key]: value }));
}
