// What a job is called: whose face goes into which picture, "Eileen → holiday.jpg". Never by its engine.
import { moment, t } from "./words.js";

const LONGEST = 255; // a name, as the API takes it
const LONGEST_FILE = 200; // bytes of a saved file's name: some systems take 255, and an ending and a number may follow
const ENDINGS = { "image/jpeg": "jpg", "image/tiff": "tif", "video/quicktime": "mov", "video/x-matroska": "mkv" };

/**
 * The names of people whose faces go in, in order; null for one without a name. People of the library are named by the
 * library alone: `people` is a map from their id.
 * @param {any} job
 * @param {Map<string, string>} people
 * @returns {(string | null)[]}
 */
export function namesIn({ references = [], label }, people) {
  return references.map(([first], at) => {
    const known = first?.startsWith("ref:") ? people.get(first.slice("ref:".length)) : null;
    return known ?? withoutEnding(label?.references?.[at] ?? "") ?? null;
  });
}

/** The name of the person whose face the face `index` of the target got. */
export function nameFor(job, index, people) {
  const names = namesIn(job, people);
  if (names.length < 2) return names[0] ?? null;
  const chosen = Array.isArray(job.options.faces) ? job.options.faces.indexOf(index) : -1;
  return names[chosen] ?? null;
}

/** "Eileen, Ben → group.jpg" */
export function titleOf(job, people) {
  const target = job.label?.target ?? null;
  if (job.kind === "restore") return t("name_restored", { name: target ?? t("name_no_picture") });
  if (job.kind === "analyse") return t("name_analysed", { name: target ?? t("name_no_picture") });
  const known = [...new Set(namesIn(job, people).filter(Boolean))];
  return `${known.join(", ") || t("name_no_face")} → ${target ?? t("name_no_picture")}`;
}

/** A group as a person reads it: where this page put the time at the end of its name, as the language writes it. */
export function groupTitle(name) {
  const [, folder, day, time] = /^(.+) (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/.exec(name) ?? [];
  const at = Date.parse(`${day}T${time}Z`);
  return folder && !Number.isNaN(at) ? `${folder} · ${moment(at / 1000)}` : name;
}

/** The name under which a result is saved: its title, with the ending of what it is. */
export function fileNameOf(job, people, type) {
  const ending = ENDINGS[type] ?? type.split("/").pop();
  const stem = (withoutEnding(titleOf(job, people).replace(" → ", " - ")) ?? "").replace(/[\p{C}<>:"/\\|?*]/gu, "_");
  return `${cutBytes(stem, LONGEST_FILE).replace(/[. ]+$/, "")}.${ending}`;
}

/**
 * What a job's pictures are called, for its body: the names of files alone, none of people of the library.
 * @param {string} target
 * @param {any} body  `reference` or `references`
 * @param {{ key: string, name: string }[]} people  the draft's references
 */
export function labelFor(target, body, people) {
  const persons = body.references ?? [body.reference];
  const references = persons.map((person) => {
    const key = [person].flat()[0];
    return key.startsWith("ref:") ? null : cut(people.find((each) => each.key === key)?.name);
  });
  return { target: cut(target), references };
}

function cut(name) {
  return name ? String(name).slice(0, LONGEST) : null;
}

/** The longest beginning of whole characters that has at most `limit` bytes in UTF-8. */
function cutBytes(text, limit) {
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, limit), { stream: true });
}

/** A file's name as a person says it; null where nothing would be left. */
export function withoutEnding(name) {
  return name.replace(/\.[a-z0-9]{2,5}$/i, "") || null;
}
