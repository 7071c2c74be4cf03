// Pictures of people as they arrive: sent, looked at, and used as far as each shows one face.
import { dismiss, examine, isGone, isUsable, takeFinding } from "./person.js";

/** One person, in one picture or several; the key, while they are still looked at. */
export async function addReference(draft, files, pictures) {
  const names = await pictures.putAll(files);
  draft.useReference({ key: names[0], pictures: names, name: files[0].name });
  lookAt(draft, names[0], names, files);
  return names[0];
}

/** Further pictures of the person `key`; nothing once that person is not used any more. */
export async function addPictures(draft, key, files, pictures) {
  const names = await pictures.putAll(files);
  const who = find(draft, key);
  if (!who) return;
  const known = new Set(who.pictures);
  draft.useReference({ ...who, pictures: names });
  const fresh = names.map((name, at) => ({ name, file: files[at] })).filter(({ name }) => !known.has(name));
  lookAt(
    draft,
    key,
    fresh.map(({ name }) => name),
    fresh.map(({ file }) => file),
  );
}

/** Which of several people a picture is of: `file` shows that one alone. */
export async function answer(draft, key, picture, file, pictures) {
  const who = find(draft, key);
  if (!who) return;
  dismiss(who, picture);
  await addPictures(draft, key, [file], pictures);
}

/** Let go of a picture that cannot be used; of a person without any, too. */
export function letGo(draft, key, picture) {
  const who = find(draft, key);
  if (!who) return;
  dismiss(who, picture);
  releaseView(who, picture);
  if (isGone(who)) draft.removeReference(key);
  else draft.changed();
}

/** Every picture of people who are shown no more. */
export function releaseAll(people) {
  for (const who of people) for (const picture of Object.keys(who.views)) releaseView(who, picture);
}

/** The browser need not keep the file: nothing shows it any more. */
function releaseView(who, picture) {
  const { url } = who.views[picture] ?? {};
  if (url) URL.revokeObjectURL(url);
  delete who.views[picture];
}

/** What is wrong with a picture is said where the person is shown; who has no usable one is given to no face. */
async function lookAt(draft, key, names, files) {
  const who = find(draft, key);
  if (!who) return;
  const sent = names.map((picture, at) => ({ picture, name: files[at].name, url: URL.createObjectURL(files[at]) }));
  for (const { picture, url } of sent) who.views[picture] = { url };
  who.checking.push(...names);
  draft.changed();
  await Promise.all(
    sent.map(async (each) => {
      takeFinding(who, each, await examine(draft.api, each.picture, draft.alone));
      if (!isUsable(who)) draft.takeBack(key);
      draft.changed();
    }),
  );
}

function find(draft, key) {
  return draft.references.find((reference) => reference.key === key);
}
