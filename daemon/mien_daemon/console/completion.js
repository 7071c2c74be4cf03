// When a job ends: said in the live region, and in the title of the tab until it is looked at.
import { announce } from "./announce.js";
import { isOver } from "./job-list.js";
import { titleOf } from "./job-name.js";
import { sentence } from "./problem.js";
import { t } from "./words.js";

export function tellOfCompletion(app, signal) {
  const { jobs, people, router } = app;
  let plain = "";
  const restore = () => {
    if (plain) document.title = plain;
    plain = "";
  };
  jobs.addEventListener(
    "finished",
    ({ detail: job }) => {
      const words = completionWords(job, people.names);
      if (!words || isAwaitingOthers(app, job)) return;
      announce(words.text, words.kind, undefined, isInSight(app, job));
      if (document.hasFocus()) return;
      plain ||= document.title;
      document.title = `${words.mark} ${words.text} · Mien`;
    },
    { signal },
  );
  addEventListener("focus", restore, { signal });
  router.addEventListener("change", () => (plain = ""), { signal });
}

/** Whether the person looks at the very picture that it is about: what came of it takes its place. */
function isInSight({ draft, router }, { target }) {
  const { digest, still } = draft.target ?? {};
  return document.hasFocus() && router.place.view === "swap" && [digest, still].includes(target);
}

/** Whether other results are still made for the same comparison: what is said of the last is said of all. */
function isAwaitingOthers({ draft, jobs }, { id }) {
  const run = Object.values(draft.runs).find((each) => each.some(({ job }) => job === id)) ?? [];
  return run.some(({ job }) => jobs.get(job) && !isOver(jobs.get(job)));
}

/**
 * What is said when a job has ended; null for one that a person stopped, and for one of a group: there are many.
 * @returns {{ mark: string, kind: "info" | "bad", text: string } | null}
 */
export function completionWords(job, people) {
  if (!isOver(job) || job.state === "cancelled" || job.group || job.kind === "analyse") return null;
  const name = titleOf(job, people);
  if (job.state === "done") return { mark: "✓", kind: "info", text: t("finished_done", { name }) };
  return { mark: "!", kind: "bad", text: t("finished_failed", { name, why: sentence(job.problem) }) };
}
