// A job in full, over the list: its pictures, its settings, and what went wrong.
import { attempt } from "../announce.js";
import { button } from "../control.js";
import { ask } from "../dialog.js";
import { h } from "../element.js";
import { icon } from "../icon.js";
import { titleOf } from "../job-name.js";
import { detail, exactLanguage, sentence } from "../problem.js";
import { optionName, optionWords } from "../swap/option-words.js";
import { moment, t } from "../words.js";
import { crops } from "./crops.js";
import { noteOf } from "./note.js";

export function jobDetail(app, job) {
  const pictures = crops(app, job);
  pictures.show(job);
  return ask(titleOf(job, app.people.names), (close) =>
    h(
      "div",
      { class: "dialog-body job-detail" },
      h("div", { class: "job-detail-head" }, pictures.element, job.problem ? trouble(job) : h("p", {}, noteOf(job))),
      h("dl", { class: "pairs" }, settingsOf(job).map(pair)),
      h("footer", {}, deeds(app, job, close)),
    ),
  );
}

function trouble({ problem }) {
  const words = sentence(problem);
  const more = detail(problem);
  return h(
    "div",
    { class: "job-trouble" },
    h("p", { class: "caution" }, icon("warning"), words),
    more && more !== words ? h("p", { class: "hint exact", lang: exactLanguage(problem) }, more) : null,
  );
}

/** `[name, value]` pairs. @returns {any[]} */
function settingsOf(job) {
  const when = (name, at) => (at ? [[name, moment(Date.parse(at) / 1000)]] : []);
  return [
    ...Object.entries(job.options).map(([name, value]) => [optionName(name), optionWords(name, value)]),
    ...(job.group ? [[t("group"), job.group]] : []),
    ...when(t("job_posted"), job.created_at),
    ...when(t("job_begun"), job.started_at),
    ...when(t("job_ended"), job.finished_at),
    ...(job.attempts > 1 ? [[t("job_attempts"), String(job.attempts)]] : []),
  ];
}

function pair([name, value]) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

function deeds({ api, jobs, router }, { id, state, kind }, close) {
  const then = (work) => () => (close(), attempt(work));
  const cancel = button(
    t("cancel"),
    "close",
    then(() => jobs.post(`/v1/jobs/${id}/cancel`)),
  );
  const remove = button(
    t("delete"),
    "trash",
    then(() => api.delete(`/v1/jobs/${id}`)),
    { class: "danger" },
  );
  const retry = button(
    t("try_again"),
    "retry",
    then(() => jobs.post(`/v1/jobs/${id}/retry`)),
    { class: "primary" },
  );
  const open = button(
    t("open_result"),
    "chevron",
    then(async () => router.go("results", id)),
    { class: "primary" },
  );
  if (state === "queued" || state === "running") return [cancel];
  if (state !== "done") return [remove, retry];
  return kind === "analyse" ? [remove] : [remove, open];
}
