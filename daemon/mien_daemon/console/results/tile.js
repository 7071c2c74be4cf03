// One result in the gallery: the picture, its name, whether it is the person; the original while one points at it.
import { h, setText } from "../element.js";
import { icon } from "../icon.js";
import { nameFor, titleOf } from "../job-name.js";
import { keepFaceInSight, previewPath } from "../swap/target-picture.js";
import { likenessWords, worstOf } from "../viewer/likeness.js";
import { lengthOf, t, timeOfDay } from "../words.js";

const SIDE = 400; // as the daemon keeps it
const LONGEST = 20; // letters of a name beside which the verdict has room

export function tile(app, first) {
  const { people, pictures } = app;
  const img = h("img", { alt: "" });
  const title = h("b", {});
  const said = h("span", { class: "shot-said" });
  const when = h("span", { class: "when" });
  const link = h(
    "a",
    { href: `#/results/${first.id}`, tabindex: -1, draggable: "false" },
    img,
    h("span", { class: "shot-foot" }, title, h("span", { class: "shot-note" }, said, when), lengthMark(first)),
  );
  const check = h("input", { type: "checkbox", tabindex: -1 });
  const star = h("button", { class: "bare shot-star", tabindex: -1, "data-deed": "star" }, icon("star"));
  const element = h(
    "li",
    { class: "shot", "data-id": first.id },
    link,
    h("label", { class: "shot-check" }, check),
    star,
  );
  pictures.lazily(img, `/v1/jobs/${first.id}/preview?side=${SIDE}`);
  keepFaceInSight(img, first);
  const shown = { title: "", job: null };
  return { element, update };

  function update(job) {
    const name = titleOf(job, people.names);
    setText(when, timeOfDay(Date.parse(job.finished_at) / 1000));
    if (job === shown.job && name === shown.title) return;
    Object.assign(shown, { title: name, job });
    const worst = worstOf(job.result);
    const who = worst && nameFor(job, worst.index, people.names);
    const likeness = likenessWords(worst?.verdict, who);
    title.textContent = name;
    said.textContent = likenessWords(worst?.verdict, who && shortened(who))?.words ?? "";
    said.dataset.kind = likeness?.kind ?? "none";
    element.toggleAttribute("data-starred", job.starred);
    link.title = name;
    link.setAttribute("aria-label", [name, likeness?.words].filter(Boolean).join(". "));
    check.setAttribute("aria-label", t("select_result", { name }));
    star.setAttribute("aria-label", t("star_result", { name }));
    star.setAttribute("aria-pressed", String(job.starred));
    star.title = t(job.starred ? "star_remove" : "star_give");
  }
}

/** The first name of one with a long name: the title says the whole, and the verdict is not cut off. */
function shortened(name) {
  return name.length > LONGEST ? name.split(/\s/)[0].slice(0, LONGEST) : name;
}

function lengthMark({ result }) {
  return result?.video ? h("span", { class: "shot-length" }, icon("play"), lengthOf(result.video)) : null;
}

/** Lay the original over a tile as long as one points at it. */
export async function showOriginal({ pictures }, element, job) {
  if (job.result?.video || element.querySelector(".original")) return;
  const original = h("img", { alt: "", class: "original" });
  keepFaceInSight(original, job);
  element.querySelector("a").append(original);
  try {
    original.src = await pictures.url(previewPath(job.target, SIDE));
    await original.decode();
    if (original.isConnected) original.after(h("span", { class: "tag before original" }, t("before")));
  } catch {
    hideOriginal(element); // it is gone, or no browser shows it: the result stays
  }
}

export function hideOriginal(element) {
  for (const each of element.querySelectorAll(".original")) each.remove();
}
