// One picture of a folder: what it was and what it became, or why it became nothing; and the ones beside it.
import { attempt } from "../announce.js";
import { button, iconButton } from "../control.js";
import { ask } from "../dialog.js";
import { fill, h } from "../element.js";
import { icon } from "../icon.js";
import { sentence } from "../problem.js";
import { t } from "../words.js";
import { compare } from "../viewer/compare.js";
import { savePicture } from "../viewer/save.js";
import { failedFirst, stateOf, wordOf } from "./folder-states.js";
import { facesAt } from "./target-picture.js";

/** Open it in a dialog; resolves when that is closed. */
export async function openFile(app, folder, file) {
  const closing = new AbortController();
  await ask(folder.name, () => content(app, folder, file, closing.signal), { wide: true });
  closing.abort();
}

function content(app, folder, first, signal) {
  const name = h("strong", { role: "status", tabindex: -1 });
  const place = h("div", { class: "folder-picture" });
  const go = (/** @type {number} */ by) => {
    const files = failedFirst(folder, app.jobs);
    const at = files.indexOf(shown) + by;
    if (files[at]) show(files[at]);
  };
  const back = iconButton("chevron", t("folder_previous"), () => go(-1), { class: "bare back" });
  const on = iconButton("chevron", t("folder_following"), () => go(1));
  let shown = first;
  let state = "";
  let inner = new AbortController();
  const show = (/** @type {File} */ file) => {
    if (place.contains(document.activeElement)) name.focus(); // what had the focus goes
    shown = file;
    state = stateOf(folder, file, app.jobs);
    inner.abort();
    inner = new AbortController();
    name.textContent = `${file.name}: ${t(wordOf(/** @type {any} */ (state)))}`;
    build(app, folder, file, place, AbortSignal.any([signal, inner.signal]));
  };
  show(first);
  app.jobs.addEventListener("change", () => stateOf(folder, shown, app.jobs) !== state && show(shown), { signal });
  return h("div", { class: "dialog-body" }, h("div", { class: "folder-step" }, back, name, on), place);
}

async function build(app, folder, file, place, signal) {
  const url = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  const job = app.jobs.get(folder.jobs?.get(file));
  const refusal = folder.refused.find((each) => each.file === file)?.problem ?? job?.problem;
  const isPicture = job?.state === "done" && !job.result?.video;
  if (!isPicture) return void fill(place, plain(app, file, url, job, refusal));
  await attempt(async () => {
    const after = await app.pictures.url(`/v1/jobs/${job.id}/result`);
    if (signal.aborted) return;
    const save = button(t("save"), "download", () => attempt(() => savePicture(app, job)), { class: "primary" });
    const panes = [
      { url, label: t("before") },
      { url: after, label: t("after") },
    ];
    fill(place, compare(panes[0], panes[1], { signal, faces: facesAt(job), actions: [save] }));
  });
}

/** The picture as it is, and what is to be said of it. */
function plain({ jobs }, file, url, job, refusal) {
  const img = h("img", { src: url, alt: file.name });
  img.addEventListener("error", () => img.remove(), { once: true });
  const retry = button(t("try_again"), "retry", () => attempt(() => jobs.post(`/v1/jobs/${job.id}/retry`)));
  return [
    img,
    refusal ? h("p", { class: "caution", role: "alert" }, icon("warning"), sentence(refusal)) : null,
    job && ["failed", "cancelled"].includes(job.state) ? retry : null,
  ];
}
