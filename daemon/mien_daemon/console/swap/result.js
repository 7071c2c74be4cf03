// A finished swap: compared with the original, told about, and taken further.
import { announce, attempt } from "../announce.js";
import { button, iconButton, spare } from "../control.js";
import { fill, h } from "../element.js";
import { nameFor } from "../job-name.js";
import { refused } from "../notice.js";
import { referenceImage } from "./reference-image.js";
import { t } from "../words.js";
import { compare } from "../viewer/compare.js";
import { report } from "../viewer/report.js";
import { vote } from "../viewer/vote.js";
import { copyPicture, savePicture } from "../viewer/save.js";
import { facesAt, shownUrl } from "./target-picture.js";
import { engineWords } from "./option-words.js";

export function result(app, { run }, signal) {
  const element = h("div", { class: run.length === 2 ? "outcome two" : "outcome" });
  return { element, ready: show(app, run, element, signal) };
}

async function show(app, run, element, signal) {
  const { draft, pictures } = app;
  const { target } = draft;
  try {
    await app.people.load();
    const urls = await Promise.all(run.map(({ id }) => pictures.url(`/v1/jobs/${id}/result`)));
    const original = await shownUrl(target, pictures);
    if (signal.aborted) return;
    fill(element, ...outcome(app, run, original, urls, signal));
    // What had the focus while the job ran may be gone.
    if (document.activeElement === document.body) element.querySelector(".primary")?.focus();
  } catch (error) {
    if (!error.document) throw error;
    if (!signal.aborted)
      fill(
        element,
        refused(error.document),
        button(t("change_something"), "pencil", () => draft.edit()),
      );
  }
}

/** The pictures and what is said of them. Of two each has its report; of more the chosen one has. */
function outcome(app, run, original, urls, signal) {
  const several = run.length > 1;
  const titles = run.map(({ engine, label }) => label ?? engineWords(engine));
  const [after, ...more] = urls.map((url, at) => ({ url, label: several ? titles[at] : t("after") }));
  const redo = button(spare(t("change_something")), "pencil", () => app.draft.edit(), { class: "quiet" });
  const deeds = h("div", { class: "group" });
  const reports = h("div", { class: "reports" });
  const tell = (/** @type {number} */ at) => {
    fill(deeds, taking(app, run[at].job, run));
    fill(reports, reportOf(app, run[at].job, { title: several ? titles[at] : undefined, brief: true }));
  };
  if (run.length !== 2) tell(0);
  else
    fill(
      reports,
      run.map(({ job }, at) => reportOf(app, job, { title: titles[at], actions: taking(app, job, run) })),
    );
  const view = compare({ url: original, label: t("before") }, after, {
    more,
    signal,
    faces: facesAt(run[0].job),
    actions: [redo, deeds],
    onchoose: run.length > 2 ? tell : undefined,
  });
  return [view, run.length === 2 ? vote(app, run[0].job, run[1].job, titles) : null, reports];
}

function reportOf(app, job, how) {
  return report(job.result, {
    ...how,
    memory: memoryOf(app, job.result.engine),
    image: (key) => referenceImage(app, { key }),
    who: (index) => nameFor(job, index, app.people.names),
  });
}

/** What can be done with one result. */
function taking(app, job, run) {
  const { pictures } = app;
  return [
    run.length > 2 ? iconButton("check", t("keep_seed"), () => keepSeed(app, job)) : null,
    iconButton("forward", t("as_target"), () => attempt(() => sendOn(app, job))),
    iconButton("copy", t("copy"), () =>
      attempt(async () => (await copyPicture(await pictures.url(`/v1/jobs/${job.id}/result`)), announce(t("copied")))),
    ),
    button(t("save"), "download", () => attempt(() => savePicture(app, job)), { class: "primary" }),
  ];
}

/** Of several seeds one is gone on with. */
function keepSeed({ draft }, job) {
  draft.set({ seed: job.options.seed, versus: "" });
  announce(t("seed_kept", { seed: String(job.options.seed) }));
}

/** The result becomes the next target. */
async function sendOn({ api, draft, pictures }, job) {
  const picture = await api.blob(`/v1/jobs/${job.id}/result`);
  const file = new File([picture], t("result_of", { name: draft.target.name }), { type: picture.type });
  await draft.addTarget(file, pictures);
}

function memoryOf({ draft }, name) {
  return draft.engineOf(name)?.memoryBytes;
}
