// One person of the library: the face, the name, what they agreed to, and what can be done.
import { announce, attempt } from "../announce.js";
import { button, iconButton } from "../control.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { openMenu } from "../menu.js";
import { askName } from "../settings/clients.js";
import { referenceImage } from "../swap/reference-image.js";
import { fromRecord } from "../swap/library.js";
import { everything } from "../results/filter.js";
import { forgetPeople } from "../swap/session.js";
import { ago, t } from "../words.js";
import { askToDestroy } from "./destroy.js";
import { askExpiry } from "./expiry.js";
import { showPictures } from "./person-pictures.js";
import { whenSmall } from "./small-face.js";

export function referenceCard(app, reference, again) {
  const { id, name, pictures, usable } = reference;
  const more = iconButton("more", `${t("more_actions")}: ${name}`, () => openMenu(name, more, entries()), {
    "aria-haspopup": "dialog",
    "data-deed": "more",
  });
  const entries = () => actionsOn(app, reference, again);
  const small = h("span", { class: "chip", hidden: true, title: t("face_small_hint") }, t("caution_small_face"));
  return h(
    "li",
    { class: "person card", "data-reference": id, "data-expired": usable ? null : "" },
    face(app, reference, small),
    h(
      "div",
      { class: "person-words" },
      h("h2", { title: name }, name),
      h("p", { class: "group wrap" }, consentChip(reference), small),
      h(
        "p",
        { class: "hint facts-line" },
        h("span", {}, t("pictures_count", { count: pictures.length })),
        usable ? h("span", {}, endWords(reference)) : null,
      ),
    ),
    h(
      "div",
      { class: "row-actions" },
      usable
        ? button(t("use"), "swap", () => use(app, reference), { class: "grow", "aria-label": `${t("use")}: ${name}` })
        : button(t("renew"), "clock", () => doThen(again, () => expire(app, reference)), { class: "grow" }),
      more,
    ),
  );
}

/** The face; once the consent has ended the daemon shows it to nobody. */
function face(app, { id, usable }, small) {
  const props = { class: "person-face" };
  if (!usable) return h("span", props, icon("faces"));
  const img = referenceImage(app, { key: `ref:${id}` });
  whenSmall(img, () => (small.hidden = false));
  return h("span", props, img);
}

/** What was agreed; quiet while it counts. */
function consentChip(reference) {
  const basis = reference.basis.replace("-", "_");
  const props = { class: "chip", title: t(`basis_${basis}`) };
  if (reference.usable) return h("span", props, icon("shield"), t(`basis_short_${basis}`));
  return h("span", { ...props, "data-kind": "warn" }, icon("warning"), endWords(reference));
}

/** Until when it counts. */
function endWords({ expires_at: end, usable }) {
  return end ? t(usable ? "expires" : "expired", { when: ago(Date.parse(end) / 1000, "long") }) : t("never_expires");
}

function actionsOn(app, reference, again) {
  const deed = (label, name, work, danger = false) => ({ label, icon: name, danger, run: () => doThen(again, work) });
  return [
    deed(t("pictures_of", reference), "faces", () => showPictures(app, reference)),
    { label: t("results_with", reference), icon: "results", run: () => showResults(app, reference) },
    deed(t("rename"), "pencil", () => rename(app, reference, again)),
    deed(t("expiry"), "clock", () => expire(app, reference)),
    deed(t("export_record"), "download", () => exportRecord(app, reference)),
    deed(t("withdraw"), "trash", () => withdraw(app, reference), true),
  ];
}

/** What answers false has changed nothing. */
function doThen(again, work) {
  return attempt(async () => (await work()) !== false && again());
}

function showResults({ router, seen }, { id }) {
  seen.filter = { ...everything(), person: id };
  router.go("results");
}

function use({ draft, router }, reference) {
  draft.choose(fromRecord(reference));
  router.go("swap");
}

async function rename({ api }, { id, name }, again) {
  const chosen = await askName(t("rename"), name);
  if (!chosen || chosen === name) return false;
  const call = (given) => api.patch(`/v1/references/${id}`, { name: given });
  await call(chosen);
  announce(t("renamed", { name: chosen }), "info", { label: t("undo"), run: () => doThen(again, () => call(name)) });
  return true;
}

async function expire({ api }, { id, expires_at: until }) {
  const chosen = await askExpiry(until);
  return chosen === undefined ? false : api.patch(`/v1/references/${id}`, { expires_at: chosen });
}

async function exportRecord({ api }, { id, name }) {
  const record = await api.get(`/v1/references/${id}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(record, null, 2)], { type: "application/json" }));
  link.download = `${name}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return false;
}

async function withdraw({ api, draft, jobs, pictures }, { id, name }) {
  const deed = await askToDestroy(t("withdraw_title", { name }), t("withdraw_text"), t("withdraw"));
  if (!deed) return false;
  await api.delete(`/v1/references/${id}?results=${deed.results}`);
  forgetPeople(draft, [`ref:${id}`]);
  pictures.forget(`/v1/references/${id}/`);
  if (deed.results) pictures.forget("/v1/jobs/");
  if (deed.results) await jobs.load();
  announce(t("withdrawn"));
  return true;
}
