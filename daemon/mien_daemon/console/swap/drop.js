// Pictures that are dropped on or pasted into the Swap view: on a face or on the references they are whom to put in,
// anywhere else they are what to change.
import { announce, attempt } from "../announce.js";
import { filesDropped, filesIn, folderChosen, folderDropped } from "../pictures.js";
import { t } from "../words.js";
import { addPictures, addReference } from "./arrivals.js";
import { mayUse } from "./consent.js";

export function takeFiles(main, app, signal) {
  main.addEventListener("dragover", (event) => over(main, event), { signal });
  main.addEventListener("dragleave", (event) => event.relatedTarget === null && out(main), { signal });
  main.addEventListener(
    "drop",
    (event) => {
      event.preventDefault();
      out(main);
      const { target } = event;
      // Both are asked at once: after the event there is nothing to read.
      Promise.all([folderDropped(event.dataTransfer), filesDropped(event.dataTransfer)]).then(([folder, files]) =>
        folder && !isForReference(target) ? addFolder(app, folder) : void take(app, files, target),
      );
    },
    { signal },
  );
  document.addEventListener(
    "paste",
    (event) => {
      const files = filesIn(event.clipboardData);
      if (files.length === 0) return;
      event.preventDefault();
      const pointed = [...document.querySelectorAll(":hover")].at(-1);
      take(app, files, [document.activeElement, pointed].find(isForReference) ?? null);
    },
    { signal },
  );
}

function over(main, event) {
  event.preventDefault();
  main.dataset.dropping = event.target.closest("[data-drop]")?.dataset.drop ?? "target";
}

function out(main) {
  delete main.dataset.dropping;
}

function take(app, files, place) {
  const within = (name) => place?.closest?.(`[data-${name}]`)?.dataset[name];
  const face = within("face");
  const person = usedBy(app.draft, within("person"));
  return purposeOf(app.draft, place && { face, zone: within("drop") }) === "reference"
    ? addReferences(app, files, face, person)
    : addTargets(app, files);
}

/** The key of a person who is used; one who is only offered takes no pictures. */
export function usedBy({ references }, person) {
  return references.find(({ key }) => key === person)?.key;
}

/**
 * What pictures are meant as: where they were dropped says it; without a place the first is to be changed, a target
 * without a face is replaced, and the next is whose face to use.
 * @param {{ target?: any, references: any[] }} draft
 * @param {{ face?: string, zone?: string } | null} place
 */
export function purposeOf({ target, references }, place) {
  if (place) return place.face !== undefined || place.zone === "reference" ? "reference" : "target";
  return target && target.faces?.length !== 0 && references.length === 0 ? "reference" : "target";
}

function isForReference(place) {
  return Boolean(place?.closest?.("[data-face]")) || place?.closest?.("[data-drop]")?.dataset.drop === "reference";
}

/** Every picture of a folder becomes a job of one group. */
export function addFolder({ draft }, folder) {
  if (folder.files.length === 0) return announce(t("folder_empty"), "bad");
  return draft.takeFolder(folder);
}

/** The browser's own dialog for a folder. */
export function chooseFolder(onfolder) {
  const input = document.createElement("input");
  Object.assign(input, { type: "file", multiple: true, webkitdirectory: true });
  input.addEventListener("change", () => onfolder(folderChosen([...(input.files ?? [])])));
  input.click();
}

export function addTargets({ draft, pictures }, files) {
  return Promise.all(files.map((file) => draft.addTarget(file, pictures)));
}

/**
 * Pictures that come together are of one person: of `person` where that is given, else of a new one, who is given to
 * `face` where that is.
 */
export async function addReferences({ draft, pictures }, files, face, person) {
  if (files.length === 0 || !(await mayUse(draft, files))) return;
  await attempt(async () => {
    if (person !== undefined) return addPictures(draft, person, files, pictures);
    const key = await addReference(draft, files, pictures);
    if (face !== undefined) draft.give(Number(face), key);
  });
}

/** The browser's own file dialog. */
export function choose(onfiles, multiple = true) {
  const input = document.createElement("input");
  Object.assign(input, { type: "file", multiple, accept: "image/*,video/*,.heic,.heif,.avif,.tif,.tiff,.mkv" });
  input.addEventListener("change", () => onfiles([...(input.files ?? [])]));
  input.click();
}
