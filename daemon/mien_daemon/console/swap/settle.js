// A target as it arrives: sent, and looked at for faces. One that cannot be read does not stay.
import { Problem } from "../problem.js";
import { assignFirst } from "./assignments.js";
import { isFault } from "./person.js";

const UNREADABLE = new Set(["hdr", "clip-too-long"]); // beside what is wrong with a picture

/** Send the picture, then ask who is in it. The draft tells "refused" of one that cannot be sent or read. */
export async function settle(draft, target, put) {
  try {
    target.digest = await put();
    if (target.clip) await (await import("./clip-people.js")).lookAtClip(draft.api, target);
    else await lookForFaces(draft, target);
    if (target.faces && Object.keys(target.assignments).length === 0)
      target.assignments = assignFirst(target, draft.people[0]?.key);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!target.digest || cannotBeRead(error.code)) return refuse(draft, target, error.document);
    target.faces = null;
    target.unseen = error.document;
  }
  draft.changed();
}

async function lookForFaces({ api }, target) {
  const found = await api.get(`/v1/blobs/${target.digest}/faces`);
  Object.assign(target, { faces: found.faces, side: found.longest_side });
}

/** Other refusals say nothing about the picture, or leave it to be seen. */
function cannotBeRead(code) {
  return UNREADABLE.has(code) || (isFault(code) && code !== "content-blocked");
}

function refuse(draft, target, problem) {
  draft.removeTarget(target);
  draft.dispatchEvent(new CustomEvent("refused", { detail: { name: target.name, problem } }));
}
