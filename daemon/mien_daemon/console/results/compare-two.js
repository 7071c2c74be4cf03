// Two results side by side, under one zoom where they have the same size.
import { iconButton } from "../control.js";
import { h } from "../element.js";
import { titleOf, nameFor } from "../job-name.js";
import { fillWhenLoaded } from "../notice.js";
import { referenceImage } from "../swap/reference-image.js";
import { facesAt } from "../swap/target-picture.js";
import { compareClips } from "../viewer/clip-compare.js";
import { compare } from "../viewer/compare.js";
import { report } from "../viewer/report.js";
import { vote } from "../viewer/vote.js";
import { t } from "../words.js";
import { backToGallery } from "./detail.js";

export function compareTwo(main, app, signal, ids) {
  const place = h("div", { class: "fullscreen" });
  main.append(h("h1", { class: "unseen" }, t("compare")), place);
  backToGallery(app, signal);
  fillWhenLoaded(
    place,
    () => gather(app, ids),
    (both) => built(app, both, signal),
    signal,
  );
}

async function gather({ api, jobs, people, pictures }, ids) {
  await people.load();
  return Promise.all(
    ids.slice(0, 2).map(async (id) => {
      const job = (await jobs.find(id)) ?? (await api.get(`/v1/jobs/${id}`));
      return { job, url: await pictures.url(`/v1/jobs/${id}/result`) };
    }),
  );
}

function built(app, both, signal) {
  const close = iconButton("close", t("back_to_results"), () => app.router.go("results"));
  const [one, other] = both.map(({ job, url }) => ({ url, label: titleOf(job, app.people.names), job }));
  const view = both.some(({ job }) => job.result.video)
    ? h(
        "div",
        { class: "clip-results" },
        both.map(({ job, url }) => compareClips(app, { job, after: url, before: null }, signal)),
      )
    : compare(one, other, { signal, faces: facesAt(one.job), columns: true, actions: [close] });
  const reports = both.map(({ job }) =>
    report(job.result, {
      title: titleOf(job, app.people.names),
      image: (key) => referenceImage(app, { key }),
      who: (index) => nameFor(job, index, app.people.names),
    }),
  );
  const question = one.job.target === other.job.target ? vote(app, one.job, other.job) : null;
  return h("section", { class: "center two" }, view, question, h("div", { class: "reports" }, reports));
}
