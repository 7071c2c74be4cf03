// The number of running jobs on the toolbar button.

import { isOver } from "./jobs.js";

export async function countOnBadge(chrome, jobs) {
  const open = (await jobs.all()).filter((job) => !isOver(job)).length;
  await chrome.action.setBadgeBackgroundColor({ color: "#b3471d" });
  await chrome.action.setBadgeText({ text: open ? String(open) : "" });
}

/** Something that could not be said on a page: a mark on the button, and the words in the popup. */
export async function noteOnBadge(chrome, problem) {
  await chrome.storage.session.set({ notice: problem.toJSON() });
  await chrome.action.setBadgeText({ text: "!" });
}
