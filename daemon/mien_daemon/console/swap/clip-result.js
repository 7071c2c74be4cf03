// A finished clip: played beside the original, told about, and saved.
import { attempt } from "../announce.js";
import { button, iconButton } from "../control.js";
import { fill, h } from "../element.js";
import { nameFor } from "../job-name.js";
import { refused } from "../notice.js";
import { compareClips } from "../viewer/clip-compare.js";
import { report } from "../viewer/report.js";
import { savePicture } from "../viewer/save.js";
import { t } from "../words.js";
import { referenceImage } from "./reference-image.js";

export function clipResult(app, { run }, signal) {
  const element = h("div", { class: "outcome" });
  return { element, ready: show(app, run, element, signal) };
}

async function show(app, run, element, signal) {
  const { draft, pictures } = app;
  const redo = () => draft.edit();
  try {
    await app.people.load();
    const urls = await Promise.all(run.map(({ id }) => pictures.url(`/v1/jobs/${id}/result`)));
    if (signal.aborted) return;
    const before = draft.target.url;
    fill(
      element,
      h(
        "div",
        { class: "clip-results" },
        run.map(({ job }, at) => {
          const save = button(t("save"), "download", () => attempt(() => savePicture(app, job)), { class: "primary" });
          const actions = [iconButton("pencil", t("redo"), redo), save];
          return compareClips(app, { job, after: urls[at], before, actions }, signal);
        }),
      ),
      h(
        "div",
        { class: "reports" },
        run.map(({ job }) =>
          report(job.result, {
            image: (key) => referenceImage(app, { key }),
            who: (index) => nameFor(job, index, app.people.names),
          }),
        ),
      ),
    );
  } catch (error) {
    if (!error.document) throw error;
    if (!signal.aborted) fill(element, refused(error.document), button(t("change_something"), "pencil", redo));
  }
}
