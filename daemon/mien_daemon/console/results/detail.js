// One result at full size, with how it was made and what can be done with it.
import { announce, attempt } from "../announce.js";
import { button, iconButton } from "../control.js";
import { confirm } from "../dialog.js";
import { fill, h } from "../element.js";
import { nameFor, namesIn, titleOf } from "../job-name.js";
import { fillWhenLoaded } from "../notice.js";
import { optionName, optionWords } from "../swap/option-words.js";
import { faceAt, previewPath } from "../swap/target-picture.js";
import { compareClips } from "../viewer/clip-compare.js";
import { compare } from "../viewer/compare.js";
import { referenceImage } from "../swap/reference-image.js";
import { report } from "../viewer/report.js";
import { copyPicture, savePicture } from "../viewer/save.js";
import { verdict } from "../viewer/verdict.js";
import { moment, t } from "../words.js";
import { isKept } from "./retention.js";

export function detail(main, app, signal, id) {
  const place = h("div", { class: "fullscreen" });
  main.append(h("h1", { class: "unseen" }, t("result")), place);
  document.addEventListener("keydown", (event) => turn(event, app, id), { signal });
  fillWhenLoaded(
    place,
    () => gather(app, id),
    (found) => built(app, found, signal),
    signal,
  );
}

async function gather({ api, jobs, people, pictures }, id) {
  await people.load();
  const job = (await jobs.find(id)) ?? (await api.get(`/v1/jobs/${id}`));
  const after = await pictures.url(`/v1/jobs/${id}/result`);
  const before = job.result.video ? null : await pictures.url(previewPath(job.target, 8192)).catch(() => null);
  return { job, before, after };
}

function built(app, { job, before, after }, signal) {
  if (job.result.video) {
    const clips = h("div", { class: "clip-results" }, compareClips(app, { job, after, before: null }, signal));
    return h("div", { class: "studio" }, h("section", { class: "center" }, clips), aside(app, job));
  }
  const shown = { url: after, label: t("after") };
  const view = compare(before ? { url: before, label: t("before") } : shown, shown, { signal, focus: faceAt(job).x });
  return h("div", { class: "studio" }, h("section", { class: "center" }, view), aside(app, job));
}

function aside(app, job) {
  const { pictures, router } = app;
  const checked = h("div", {});
  const copy = async () => {
    await copyPicture(await pictures.url(`/v1/jobs/${job.id}/result`));
    announce(t("copied"));
  };
  return h(
    "aside",
    { class: "inspector", "aria-label": t("about_result") },
    h(
      "div",
      { class: "sections" },
      h(
        "section",
        { class: "panel" },
        h(
          "header",
          { class: "page-head" },
          h("h2", {}, titleOf(job, app.people.names)),
          h("span", { class: "grow" }),
          iconButton("close", t("back_to_results"), () => router.go("results")),
        ),
        h("p", { class: "hint" }, moment(Date.parse(job.finished_at) / 1000)),
        report(job.result, {
          image: (key) => referenceImage(app, { key }),
          who: (index) => nameFor(job, index, app.people.names),
        }),
      ),
      h("section", { class: "panel" }, h("h2", {}, t("made_with")), settings(job.options)),
      h(
        "section",
        { class: "panel" },
        h("h2", {}, t("what_it_says")),
        checked,
        button(t("verify_picture"), "shield", () => attempt(() => verify(app, job, checked))),
      ),
    ),
    h(
      "div",
      { class: "run" },
      h(
        "div",
        { class: "row-actions" },
        button(t("redo"), "retry", () => redo(app, job), { class: "grow" }),
        iconButton("forward", t("as_target"), () => attempt(() => sendOn(app, job))),
        job.result.video ? null : iconButton("copy", t("copy"), () => attempt(copy)),
        iconButton("trash", t("delete"), () => remove(app, job)),
      ),
      button(t("save"), "download", () => attempt(() => savePicture(app, job)), { class: "primary large" }),
    ),
  );
}

function settings(options) {
  const line = ([name, value]) => h("div", {}, h("dt", {}, optionName(name)), h("dd", {}, optionWords(name, value)));
  return h("dl", { class: "pairs" }, Object.entries(options).map(line));
}

async function verify({ api }, job, place) {
  const picture = await api.blob(`/v1/jobs/${job.id}/result`);
  const response = await api.send("/v1/verify-image", {
    method: "POST",
    body: picture,
    headers: { "Content-Type": "application/octet-stream" },
  });
  fill(place, verdict(await response.json()));
}

function redo({ draft, people, router }, job) {
  draft.take(job, job.label?.target ?? t("picture"), namesIn(job, people.names));
  router.go("swap");
}

async function sendOn({ api, draft, pictures, router }, job) {
  const picture = await api.blob(`/v1/jobs/${job.id}/result`);
  draft.addTarget(new File([picture], t("result"), { type: picture.type }), pictures);
  router.go("swap");
}

async function remove({ api, router }, job) {
  if (!(await confirm(t("delete_result_title"), t("delete_result_text"), t("delete")))) return;
  await attempt(async () => {
    await api.delete(`/v1/jobs/${job.id}`);
    router.go("results");
  });
}

/** Left and right turn the pages. */
function turn(event, { jobs, router }, id) {
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!way || event.target.closest("input, select, dialog")) return;
  const kept = jobs.all.filter(isKept).sort((one, other) => other.created_at.localeCompare(one.created_at));
  const next = kept[kept.findIndex((job) => job.id === id) + way];
  if (next) router.go("results", next.id);
}
