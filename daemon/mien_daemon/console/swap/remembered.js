// The settings of a swap, for the next time; never a picture.
const REMEMBERED = "mien.options";
const VERSION = 2; // version 1 kept "mesh" also where nobody had chosen an engine

/** @param {Pick<Storage, "setItem">} storage */
export function remember(storage, options) {
  storage.setItem(REMEMBERED, JSON.stringify({ ...options, version: VERSION }));
}

/** @param {Pick<Storage, "getItem">} storage */
export function recall(storage) {
  const { version, ...options } = JSON.parse(storage.getItem(REMEMBERED) ?? "{}");
  return version === VERSION || options.engine !== "mesh" ? options : { ...options, engine: "" };
}
