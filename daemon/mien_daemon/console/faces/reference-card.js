// One person of the library: face, name, on which basis and until when.
import { announce, attempt } from "../announce.js";
import { button, iconButton } from "../control.js";
import { h } from "../element.js";
import { askName } from "../settings/clients.js";
import { referenceImage } from "../swap/reference-image.js";
import { fromRecord } from "../swap/references-panel.js";
import { ago, t } from "../words.js";
import { askToDestroy } from "./destroy.js";
import { askExpiry } from "./expiry.js";
import { showPictures } from "./person-pictures.js";

export function referenceCard(app, reference, again) {
  const { id, name, basis, expires_at: until, usable } = reference;
  const expired = !usable;
  const deed = (work) => () => attempt(async () => (await work()) !== false && again());
  return h(
    "li",
    { class: "person card", "data-reference": id, "data-expired": expired ? "" : null },
    referenceImage(app, { key: `ref:${id}` }),
    h(
      "div",
      { class: "person-words" },
      h("h2", {}, name),
      h("p", { class: "hint" }, t(`basis_${basis.replace("-", "_")}`)),
      h("p", { class: "hint" }, t("pictures_count", { count: reference.pictures.length })),
      expiry(until, expired),
    ),
    h(
      "div",
      { class: "row-actions" },
      expired ? h("span", { class: "grow" }) : button(t("use"), "swap", () => use(app, reference), { class: "grow" }),
      iconButton(
        "results",
        t("pictures_of", { name }),
        deed(() => showPictures(app, reference)),
      ),
      iconButton(
        "pencil",
        `${t("rename")}: ${name}`,
        deed(() => rename(app, reference)),
      ),
      iconButton(
        "clock",
        `${t("expiry")}: ${name}`,
        deed(() => expire(app, reference)),
      ),
      iconButton("download", `${t("export_record")}: ${name}`, () => attempt(() => exportRecord(app, reference))),
      iconButton(
        "trash",
        `${t("withdraw")}: ${name}`,
        deed(() => withdraw(app, reference)),
      ),
    ),
  );
}

function expiry(until, expired) {
  if (!until) return h("p", { class: "hint" }, t("never_expires"));
  return h(
    "p",
    { class: expired ? "caution" : "hint" },
    t(expired ? "expired" : "expires", { when: ago(Date.parse(until) / 1000) }),
  );
}

function use({ draft, router }, reference) {
  draft.useReference(fromRecord(reference));
  router.go("swap");
}

async function rename({ api }, { id, name }) {
  const chosen = await askName(t("rename"), name);
  return chosen ? api.patch(`/v1/references/${id}`, { name: chosen }) : false;
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
}

async function withdraw({ api, draft, jobs }, { id, name }) {
  const deed = await askToDestroy(t("withdraw_title", { name }), t("withdraw_text"), t("withdraw"));
  if (!deed) return false;
  await api.delete(`/v1/references/${id}?results=${deed.results}`);
  draft.removeReference(`ref:${id}`);
  if (deed.results) await jobs.load();
  announce(t("withdrawn"));
  return true;
}
