// One result in the gallery.
import { h } from "../element.js";
import { titleOf } from "../job-name.js";
import { keepFaceInSight } from "../swap/target-picture.js";
import { icon } from "../icon.js";
import { ago, lengthOf, number, t } from "../words.js";

const SIDE = 360;

export function tile(app, job) {
  const img = h("img", { alt: "", loading: "lazy" });
  app.pictures.lazily(img, `/v1/jobs/${job.id}/preview?side=${SIDE}`);
  keepFaceInSight(img, job);
  const name = titleOf(job, app.people.names);
  const when = h("span", { class: "when" });
  const update = () => (when.textContent = ago(Date.parse(job.finished_at) / 1000, "narrow"));
  update();
  const likeness = job.result?.faces?.find(({ identity }) => identity)?.identity.to_reference;
  const label = t("open_result_of", { name, when: when.textContent });
  return {
    element: h(
      "li",
      { class: "shot" },
      h(
        "a",
        { href: `#/results/${job.id}`, "aria-label": label },
        img,
        h(
          "span",
          { class: "shot-foot" },
          h("b", {}, name),
          when,
          job.result?.video ? h("span", { class: "shot-length" }, icon("play"), lengthOf(job.result.video)) : null,
          likeness === undefined
            ? null
            : h(
                "span",
                { class: "shot-score", title: t("to_reference") },
                number(likeness, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
              ),
        ),
      ),
    ),
    update,
  };
}
