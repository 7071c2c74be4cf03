// Pictures on their way to and from the daemon. Nothing is kept beyond the page.
import { Problem } from "./problem.js";
import { hashFile } from "./sha256.js";

const KEPT = 240; // thumbnails of the gallery twice over
const AT_ONCE = 4;

export class Pictures {
  constructor(api) {
    this.api = api;
    this.urls = new Map();
    this.running = 0;
    this.queue = [];
    this.resting = [];
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "300px" });
    this.wanted = new WeakMap();
  }

  /** Put a file under the hash of its bytes; returns its name, "sha256:…". */
  async put(file, signal) {
    const name = `sha256:${await hashFile(file)}`;
    const headers = { "Content-Type": "application/octet-stream" };
    await this.api.send(`/v1/blobs/${name}`, { method: "PUT", body: file, headers, signal }); // read as it is sent
    return name;
  }

  /** The names of several pictures of one person, once each is sent. */
  async putAll(files) {
    requireReadable(files.length);
    const names = [];
    for (const file of files) names.push(await this.put(file));
    return names;
  }

  /** An address that <img> can show, for something that needs the bearer. */
  url(path) {
    const known = this.urls.get(path);
    this.urls.delete(path);
    const url = known ?? this.fetchUrl(path);
    this.urls.set(path, url);
    if (!known) this.forgetOldest();
    return url;
  }

  /** Fill `img` from `path` once it comes into view. */
  lazily(img, path) {
    if (this.wanted.get(img) === path) return;
    this.wanted.set(img, path);
    this.observer.unobserve(img);
    this.observer.observe(img);
  }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.observer.unobserve(target);
      this.load(target);
    }
  }

  async load(img) {
    const path = this.wanted.get(img);
    try {
      const url = await this.url(path);
      if (this.wanted.get(img) === path) img.src = url;
    } catch (error) {
      if (!error.document) throw error;
      img.dataset.missing = "";
    }
  }

  async fetchUrl(path) {
    if (this.running < AT_ONCE) this.running += 1;
    else await new Promise((resolve) => this.queue.push(resolve)); // for the place of one that is there
    try {
      return URL.createObjectURL(await this.api.blob(path));
    } catch (error) {
      this.urls.delete(path);
      throw error;
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.running -= 1;
      if (this.running === 0) for (const rest of this.resting.splice(0)) rest();
    }
  }

  /** Return when no picture is under way. */
  async rest() {
    if (this.running > 0) await new Promise((resolve) => this.resting.push(resolve));
  }

  /** What was fetched from below `prefix` is gone, or another picture by now. */
  forget(prefix) {
    for (const [path, url] of this.urls) {
      if (!path.startsWith(prefix)) continue;
      this.urls.delete(path);
      url.then(URL.revokeObjectURL, () => {});
    }
  }

  /** Pictures that are still shown stay shown: revoking an address does not touch what was decoded. */
  forgetOldest() {
    if (this.urls.size <= KEPT) return;
    const [[path, url]] = this.urls;
    this.urls.delete(path);
    url.then(URL.revokeObjectURL, () => {});
  }
}

const MOST_PICTURES = 20; // of one person, as the API says

/** Return if so many pictures of one person are read; throws the API's own refusal before anything is sent. */
export function requireReadable(count) {
  if (count > MOST_PICTURES) throw new Problem({ code: "too-many-pictures", limit: MOST_PICTURES });
}

/** The picture files among what was pasted or chosen. */
export function filesIn(transfer) {
  return [...(transfer?.files ?? [])].filter(isPicture);
}

/** The picture files among what was dropped; those of a folder, without the folders in it, sorted by name. */
export async function filesDropped(transfer) {
  const loose = filesIn(transfer); // both at once: after the event there is nothing to read
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  const folders = entries.filter((entry) => entry?.isDirectory);
  if (folders.length === 0) return loose;
  const inside = await Promise.all(folders.map((folder) => filesOf(folder)));
  return [...loose, ...inside.flat().filter(isPicture)];
}

/** The folder that was dropped, with every picture in it and below it; null where none was. */
export async function folderDropped(transfer) {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  const folders = entries.filter((entry) => entry?.isDirectory);
  if (folders.length === 0) return null;
  const inside = await Promise.all(folders.map((folder) => filesOf(folder, true)));
  return { name: folders[0].name, files: inside.flat().filter(isPicture) };
}

/** The folder that was chosen in the browser's own dialog. */
export function folderChosen(files) {
  const shown = files.filter((file) => !file.webkitRelativePath.split("/").some((part) => part.startsWith(".")));
  return { name: files[0]?.webkitRelativePath.split("/")[0] ?? "", files: shown.filter(isPicture) };
}

/** The files of a folder; a browser tells them a hundred at a time. */
async function filesOf(folder, isDeep = false) {
  const reader = folder.createReader();
  /** @type {any[]} */
  const found = [];
  const next = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  for (let some = await next(); some.length > 0; some = await next()) found.push(...some);
  const seen = found.filter((entry) => !entry.name.startsWith("."));
  seen.sort((one, other) => one.name.localeCompare(other.name));
  const files = seen.filter((entry) => entry.isFile);
  const own = await Promise.all(files.map((entry) => new Promise((resolve, reject) => entry.file(resolve, reject))));
  const deeper = isDeep ? seen.filter((entry) => entry.isDirectory) : [];
  return [...own, ...(await Promise.all(deeper.map((entry) => filesOf(entry, true)))).flat()];
}

function isPicture(file) {
  return file.type.startsWith("image/") || /\.(heic|heif|avif|tiff?)$/i.test(file.name) || isClip(file);
}

/** Whether a file moves: what it really is the daemon says, by its bytes. */
export function isClip(file) {
  return file.type.startsWith("video/") || file.type === "image/gif" || /\.(mkv|mov|avi|m4v)$/i.test(file.name);
}
