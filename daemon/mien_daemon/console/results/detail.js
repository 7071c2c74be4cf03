// One result at full size, with how it was made and what can be done with it.
import { announce, attempt } from "../announce.js";
import { button, iconButton } from "../control.js";
import { fill, h } from "../element.js";
import { nameFor, namesIn, titleOf } from "../job-name.js";
import { fillWhenLoaded } from "../notice.js";
import { facesAt, previewPath } from "../swap/target-picture.js";
import { compareClips } from "../viewer/clip-compare.js";
import { compare } from "../viewer/compare.js";
import { referenceImage } from "../swap/reference-image.js";
import { report } from "../viewer/report.js";
import { copyPicture } from "../viewer/save.js";
import { verdict } from "../viewer/verdict.js";
import { ago, moment, t } from "../words.js";
import { remove, save, star } from "./deeds.js";
import { listed } from "./filter.js";
import { madeWith } from "./made-with.js";

export function detail(main, app, signal, id) {
  const place = h("div", { class: "fullscreen" });
  main.append(h("h1", { class: "unseen" }, t("result")), place);
  document.addEventListener("keydown", (event) => press(event, app, id), { signal });
  backToGallery(app, signal);
  app.seen.result = id;
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
  const known = await api.get("/v1/engines").catch(() => null); // without, every option is shown
  return { job, before, after, known };
}

function built(app, { job, before, after, known }, signal) {
  if (job.result.video) {
    const clips = h("div", { class: "clip-results" }, compareClips(app, { job, after, before: null }, signal));
    return h("div", { class: "studio" }, h("section", { class: "center" }, clips), aside(app, job, known));
  }
  const shown = { url: after, label: t("after") };
  const view = compare(before ? { url: before, label: t("before") } : shown, shown, { signal, faces: facesAt(job) });
  return h("div", { class: "studio" }, h("section", { class: "center" }, view), aside(app, job, known));
}

function aside(app, job, known) {
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
          { class: "inspector-head" },
          h("h2", { class: "grow" }, titleOf(job, app.people.names)),
          starButton(app, job),
          iconButton("close", t("back_to_results"), () => router.go("results")),
        ),
        h("p", { class: "hint" }, moment(Date.parse(job.finished_at) / 1000), expiryWords(job)),
        report(job.result, {
          image: (key) => referenceImage(app, { key }),
          who: (index) => nameFor(job, index, app.people.names),
        }),
      ),
      h("section", { class: "panel" }, h("h2", {}, t("made_with")), settings(job, known)),
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
        iconButton("trash", t("delete"), () => removeOne(app, job)),
      ),
      button(t("save"), "download", () => save(app, [job]), { class: "primary large" }),
    ),
  );
}

/** Until when it is kept; nothing for one with a star. */
function expiryWords({ starred, expires_at: until }) {
  return starred || !until ? null : ` · ${t("kept_until", { when: ago(Date.parse(until) / 1000) })}`;
}

function starButton(app, job) {
  const shown = () => app.jobs.get(job.id) ?? job;
  const turn = async () => {
    await star(app, [shown()]);
    mark();
  };
  const element = iconButton("star", t("star_result", { name: titleOf(job, app.people.names) }), turn, {
    "data-deed": "star",
  });
  const mark = () => {
    const { starred } = shown();
    element.setAttribute("aria-pressed", String(starred));
    element.title = t(starred ? "star_remove" : "star_give");
  };
  mark();
  return element;
}

function settings(job, known) {
  const lines = madeWith(job, known);
  const line = ([name, words]) => h("div", {}, h("dt", {}, name), h("dd", {}, words));
  const rest = known ? h("p", { class: "hint" }, t(lines.length > 1 ? "rest_as_usual" : "all_as_usual")) : null;
  return [h("dl", { class: "pairs" }, lines.map(line)), rest];
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

/** The next one takes its place, as with a picture that is laid aside. */
function removeOne(app, job) {
  const next = neighbour(app, job.id, 1) ?? neighbour(app, job.id, -1);
  remove(app, [job]);
  app.router.go("results", next?.id);
}

/** Left and right turn the pages, S saves, Delete deletes. */
function press(event, app, id) {
  const { altKey, ctrlKey, metaKey, key, target } = event;
  if (altKey || ctrlKey || metaKey || target.closest?.("input, select, dialog, video")) return;
  const way = { ArrowLeft: -1, ArrowRight: 1 }[key];
  const next = way && neighbour(app, id, way);
  const job = app.jobs.get(id);
  if (next) app.router.go("results", next.id);
  else if (job && key.toLowerCase() === "s") save(app, [job]);
  else if (job && key === "Delete") removeOne(app, job);
}

/** Escape leads back to all results, unless a dialog takes it. */
export function backToGallery({ router }, signal) {
  const back = ({ key, target }) => key === "Escape" && !target.closest?.("dialog") && router.go("results");
  document.addEventListener("keydown", back, { signal });
}

/** Of those that the gallery shows. */
function neighbour({ jobs, people, seen }, id, way) {
  const shown = listed(jobs.all, seen.filter, people.names);
  const at = shown.findIndex((job) => job.id === id);
  return at < 0 ? undefined : shown[at + way];
}
