// Settings of an engine that a person gave a name; kept in this browser.
const KEY = "mien.presets";
const OWN = "my:"; // before the names, so that none hides one of the engine's own

export const isNamed = (preset) => preset.startsWith(OWN);

export const nameOf = (preset) => preset.slice(OWN.length);

/**
 * By engine, then by preset.
 * @param {Pick<Storage, "getItem">} storage
 * @returns {Record<string, Record<string, any>>}
 */
function readAll(storage) {
  return JSON.parse(storage.getItem(KEY) ?? "{}");
}

/** The presets of an engine with those that have a name of the person's own. */
export function withNamed(storage, engine, presets) {
  return new Map([...presets, ...Object.entries(readAll(storage)[engine] ?? {})]);
}

/** Keep `values` under a name; one of the same name is replaced. The key of the preset. */
export function keepNamed(storage, engine, name, values) {
  const all = readAll(storage);
  const preset = `${OWN}${name}`;
  storage.setItem(KEY, JSON.stringify({ ...all, [engine]: { ...all[engine], [preset]: values } }));
  return preset;
}

export function forgetNamed(storage, engine, preset) {
  const all = readAll(storage);
  delete all[engine]?.[preset];
  storage.setItem(KEY, JSON.stringify(all));
}
