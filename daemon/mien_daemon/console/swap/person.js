// One person whose face is put in: which of their pictures are used, and what was found in the others.
import { withoutEnding } from "../job-name.js";
import { Problem } from "../problem.js";

/**
 * `pictures` are those that are used: names of pictures, or "ref:ID" for all that the library has. `views` says where
 * the face is in each, and where the picture is; `questions` are pictures of several people, `refused` those that
 * cannot be used; `checking` those that are being looked at.
 * @typedef {{ bbox: number[], side: number }} Place  a face, and the longest side of its picture, in pixels
 * @typedef {{ picture: string, name: string, url: string }} Sent
 * @typedef {{
 *   key: string, name: string, pictures: string[], views: Record<string, { url?: string | null, face?: Place }>,
 *   questions: (Sent & { faces: any[], side: number })[], refused: (Sent & { problem: any })[], checking: string[],
 *   url?: string | null, count?: number,
 * }} Person
 */

/** What is wrong with the picture itself; any other refusal says nothing about it. */
const FAULTS = new Set([
  "no-face-found",
  "several-faces",
  "invalid-image",
  "image-too-large",
  "unsupported-media-type",
  "unsupported-clip",
  "content-blocked",
  "unknown-blob",
]);

export const isFault = (code) => FAULTS.has(code);

/** @returns {Person} */
export function person(given) {
  return { pictures: [given.key], views: {}, questions: [], refused: [], checking: [], ...given };
}

/** What a person is called: as the library does, or as their picture's file without its ending. @param {Person} who */
export const nameOf = ({ key, name }) => (key.startsWith("ref:") ? name : (withoutEnding(name) ?? name));

/** Whether there is a picture to use. */
export const isUsable = ({ pictures }) => pictures.length > 0;

/**
 * Who is in a picture that is meant as a reference: a `face`, several `faces` to choose from, or a `problem`; none of
 * them where the daemon could not look.
 * @param {{ get: (path: string) => Promise<any> }} api
 * @param {string} picture
 * @param {boolean} alone whether nobody else may be in it, however small
 */
export async function examine(api, picture, alone = false) {
  try {
    const { faces, longest_side: side } = await api.get(`/v1/blobs/${picture}/faces`);
    const shown = faces.filter(({ prominent }) => alone || prominent);
    if (shown.length === 0) return { problem: { code: "no-face-found", role: "reference" } };
    return shown.length === 1 ? { face: { bbox: shown[0].bbox, side } } : { faces: shown, side };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return isFault(error.code) ? { problem: error.document } : {};
  }
}

/**
 * Take in what was found in one of the pictures; one that cannot be used as it is, is used no more.
 * @param {Person} who
 * @param {Sent} sent
 * @param {{ face?: Place, faces?: any[], side?: number, problem?: any }} found
 */
export function takeFinding(who, sent, { face, faces, side, problem }) {
  const { picture } = sent;
  who.checking = who.checking.filter((other) => other !== picture);
  if (face) who.views[picture] = { ...who.views[picture], face };
  if (faces) who.questions.push({ ...sent, faces, side: side ?? 0 });
  if (problem) who.refused.push({ ...sent, problem });
  if (faces || problem) who.pictures = who.pictures.filter((other) => other !== picture);
}

/** Forget a question or a refusal. @param {Person} who @param {string} picture */
export function dismiss(who, picture) {
  who.questions = who.questions.filter((each) => each.picture !== picture);
  who.refused = who.refused.filter((each) => each.picture !== picture);
}

/** Nothing is used, asked or said any more. @param {Person} who */
export function isGone({ pictures, questions, refused }) {
  return pictures.length + questions.length + refused.length === 0;
}

/** What a reload of the tab keeps. @param {Person} who */
export function keepPerson({ key, name, pictures, count, views }) {
  const faces = Object.entries(views).map(([picture, { face }]) => [picture, { face }]);
  return { key, name, pictures, count, views: Object.fromEntries(faces) };
}
