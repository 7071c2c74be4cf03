// One job in the list: whose face goes into what, how far it is, and what can be done about it.
import { attempt } from "../announce.js";
import { bar, iconButton, setBar } from "../control.js";
import { h, refill, setText } from "../element.js";
import { icon } from "../icon.js";
import { titleOf } from "../job-name.js";
import { ago, t } from "../words.js";
import { crops } from "./crops.js";
import { jobDetail } from "./detail.js";
import { grip } from "./grip.js";
import { noteOf } from "./note.js";
import { isBelow } from "./order.js";

export function jobRow(app, first) {
  const pictures = crops(app, first);
  const title = h("button", {
    class: "link row-title",
    onclick: () => jobDetail(app, app.jobs.get(first.id) ?? first),
  });
  const note = h("span", { class: "row-note" });
  const when = h("span", { class: "row-when" });
  const track = bar(0, t("progress"));
  const actions = h("div", { class: "row-actions" });
  /** @type {HTMLElement | null} only what waits is moved */
  let handle = null;
  const element = h(
    "li",
    { class: "row of-job", "data-id": first.id },
    pictures.element,
    h("div", { class: "row-main" }, h("p", {}, title, note), track),
    when,
    actions,
  );
  element.toggleAttribute("data-below", isBelow(app.groups.all, first));
  /** @type {any} the job as it is shown */
  let shown = null;
  return { element, update };

  function update(job) {
    setText(when, ago(Date.parse(job.finished_at ?? job.created_at) / 1000));
    const name = titleOf(job, app.people.names);
    setText(title, name);
    if (job === shown) return;
    pictures.show(job);
    note.textContent = noteOf(job);
    track.hidden = job.state !== "running";
    setBar(track, job.progress);
    if (shown?.state !== job.state) {
      element.dataset.state = job.state;
      handle?.remove();
      handle = job.state === "queued" ? grip(app, job) : null;
      if (handle) element.prepend(handle);
      refill(actions, deeds(app, job));
    }
    handle?.setAttribute("aria-label", t("move_job", { name }));
    shown = job;
  }
}

function deeds({ api, jobs, router }, { id, state, kind }) {
  const deed = (name, words, work) => iconButton(name, words, () => attempt(work), { "data-deed": name });
  const cancel = deed("close", t("cancel"), () => jobs.post(`/v1/jobs/${id}/cancel`));
  const remove = deed("trash", t("delete"), () => api.delete(`/v1/jobs/${id}`));
  const retry = h(
    "button",
    { class: "quiet", "data-deed": "retry", onclick: () => attempt(() => jobs.post(`/v1/jobs/${id}/retry`)) },
    icon("retry"),
    t("try_again"),
  );
  const open = deed("chevron", t("open_result"), () => router.go("results", id));
  return {
    queued: [cancel],
    running: [cancel],
    failed: [retry, remove],
    cancelled: [retry, remove],
    done: kind === "analyse" ? [remove] : [remove, open],
  }[state];
}
