// Beginning a download: licences that must be read come first.
import { attempt } from "../announce.js";
import { readLicence } from "./licence.js";

/** Fetch models; true when they are on their way. @param {string[]} names */
export function fetchModels(app, list, names) {
  return attempt(async () => {
    for (const name of names) {
      const { licence_accepted: accepted, state } = list.models.get(name);
      if (accepted === false && state !== "ready" && !(await readLicence(app, list, name))) return false;
    }
    for (const name of names) await list.post(`/v1/models/${name}/download`);
    return true;
  });
}
