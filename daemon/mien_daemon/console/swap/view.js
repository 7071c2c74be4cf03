// Swap: the picture in the middle, whose faces and how beside it.
import { announce } from "../announce.js";
import { h } from "../element.js";
import { sentence } from "../problem.js";
import { t } from "../words.js";
import { clipPanel } from "./clip-panel.js";
import { enginePanel } from "./engine-panel.js";
import { facesPanel } from "./faces-panel.js";
import { filmstrip } from "./filmstrip.js";
import { referencesPanel } from "./references-panel.js";
import { runBar } from "./run-bar.js";
import { stage } from "./stage.js";
import { takeFiles } from "./drop.js";

export function mount(main, app, signal) {
  const { draft } = app;
  const parts = [stage, filmstrip, referencesPanel, facesPanel, clipPanel, enginePanel, runBar].map((part) =>
    part(app, signal),
  );
  const [center, strip, references, faces, clip, engine, run] = parts.map(({ element }) => element);
  main.append(
    h("h1", { class: "unseen" }, t("view_swap")),
    h(
      "div",
      { class: "studio" },
      h("section", { class: "center canvas", "aria-label": t("picture") }, center, strip),
      h(
        "aside",
        { class: "inspector", "aria-label": t("swap_settings") },
        h("div", { class: "sections" }, references, faces, engine, clip),
        run,
      ),
    ),
  );
  const show = () => {
    for (const part of parts) part.show();
  };
  draft.addEventListener("change", show, { signal });
  draft.addEventListener("refused", sayRefusal, { signal });
  takeFiles(main, app, signal);
  show();
}

/** A picture that cannot be a target is not kept, and said to be so. */
function sayRefusal({ detail: { name, problem } }) {
  announce(`${name}: ${sentence(problem)}`, "bad");
}
