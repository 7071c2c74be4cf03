// Every target of this swap, in a row beneath the shown one.
import { iconButton } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { isOver } from "../job-list.js";
import { rows } from "../rows.js";
import { t } from "../words.js";
import { addTargets, choose } from "./drop.js";
import { previewPath, showPicture } from "./target-picture.js";

const THUMBNAIL = 160;

export function filmstrip(app, signal) {
  const { draft, jobs } = app;
  const list = h("ul", { class: "frames" });
  const add = h(
    "button",
    {
      class: "frame-add",
      "aria-label": t("add_target"),
      title: t("add_target"),
      onclick: () => choose((files) => addTargets(app, files)),
    },
    icon("plus"),
  );
  const element = h("div", { class: "filmstrip", "data-drop": "target" }, list, add);
  const show = rows(
    list,
    (target) => target,
    (target) => frame(app, target),
  );
  const update = () => {
    element.hidden = draft.targets.length === 0;
    show(draft.targets);
  };
  jobs.addEventListener("change", update, { signal });
  return { element, show: update };
}

function frame(app, target) {
  const { draft, jobs, pictures } = app;
  const img = h("img", { alt: "" });
  const open = h(
    "button",
    { class: "film", "aria-label": t("show_target", { name: target.name }), onclick: () => draft.show(target) },
    img,
  );
  const remove = iconButton("close", t("remove_target", { name: target.name }), () => {
    const at = [...(element.parentElement?.children ?? [])].indexOf(element);
    const list = element.parentElement;
    draft.history.keep(draft);
    draft.removeTarget(target);
    const next = list?.children[Math.min(at, list.children.length - 1)];
    /** @type {HTMLElement | null} */ (next?.querySelector("button") ?? document.querySelector(".stage"))?.focus();
  });
  if (!target.clip) showPicture(img, target, pictures);
  const element = h("li", {}, open, remove);
  return {
    element,
    update() {
      if (target.clip && target.digest) pictures.lazily(img, previewPath(target.digest, THUMBNAIL));
      open.setAttribute("aria-current", String(draft.target === target));
      const run = (draft.runs[target.digest] ?? []).map(({ job }) => jobs.get(job));
      const isFinished = run.every((job) => job && isOver(job));
      element.dataset.state = run.length === 0 ? "new" : isFinished ? run[0].state : "running";
    },
  };
}
