// What is done with results, one or several: saved, starred, deleted.
import { announce, attempt, UNDO_MS } from "../announce.js";
import { fileNameOf } from "../job-name.js";
import { saveFile, savePicture } from "../viewer/save.js";
import { duration, t } from "../words.js";
import { dayOf } from "./filter.js";
import { MOST_BYTES, uniqueNames, zip } from "./zip.js";

const MANY = 10; // it takes a while

/** One result as a file, several as a ZIP. */
export function save(app, jobs) {
  return attempt(() => (jobs.length === 1 ? savePicture(app, jobs[0]) : saveZip(app, jobs)));
}

async function saveZip({ api, people }, jobs) {
  if (jobs.length >= MANY) announce(t("zip_begun", { count: jobs.length }));
  const contents = [];
  let size = 0;
  for (const job of jobs) {
    const content = await api.blob(`/v1/jobs/${job.id}/result`);
    size += content.size;
    if (size > MOST_BYTES) return announce(t("zip_too_large"), "bad");
    contents.push(content);
  }
  const names = uniqueNames(jobs.map((job, at) => fileNameOf(job, people.names, contents[at].type)));
  const files = names.map((name, at) => ({ name, content: contents[at], at: new Date(jobs[at].finished_at) }));
  saveFile(await zip(files), `Mien ${dayOf(new Date())}.zip`);
  return announce(t("zip_saved", { count: jobs.length }));
}

/** All of them get a star, unless all have one. */
export function star({ jobs: list }, jobs) {
  const starred = !jobs.every((job) => job.starred);
  return attempt(async () => {
    for (const { id } of jobs) await list.post(`/v1/jobs/${id}/star`, { starred });
  });
}

/** Off the page at once; off the disk when what is said of it has gone. */
export function remove({ bin }, jobs) {
  const ids = bin.put(jobs.map(({ id }) => id));
  const words = t("result_deleted", { count: ids.length, time: duration(UNDO_MS / 1000) });
  const undo = { label: t("undo"), run: () => bin.takeBack(ids), gone: () => attempt(() => bin.empty(ids)) };
  const dismiss = announce(words, "info", undo);
  bin.addEventListener("back", ({ detail }) => detail.ids === ids && dismiss());
}
