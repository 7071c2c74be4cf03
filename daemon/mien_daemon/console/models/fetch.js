// Beginning a download: licences that must be read come first.
import { attempt } from "../announce.js";
import { readLicence } from "./licence.js";

/** Fetch a model or a bundle; true when it is on its way. */
export function fetchModels(app, list, name) {
  return attempt(async () => {
    for (const model of members(list, name)) {
      const { licence_accepted: accepted, state } = list.models.get(model);
      if (accepted === false && state !== "ready" && !(await readLicence(app, list, model))) return false;
    }
    await list.post(`/v1/models/${name}/download`);
    return true;
  });
}

function members(list, name) {
  return list.bundles[name] ?? [name];
}
