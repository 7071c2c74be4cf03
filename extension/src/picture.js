// The bytes of a picture on a page, by the first way that works.

import { fromBase64 } from "./bytes.js";
import { hostOf, mayRead, originOf } from "./hosts.js";
import { Problem } from "./problem.js";
import { withReferer } from "./referer.js";

const MAX_BYTES = 200_000_000; // the daemon's own limit
// The extension may read here without a question, because the daemon is here: so it reads nothing here for a page.
const THIS_MACHINE = "127.0.0.1";
const LONGEST_NAME = 255; // what the daemon takes
const PICTURE = /^(image\/|application\/octet-stream|binary\/octet-stream)/;

/**
 * The bytes of a picture, by the first way that works.
 * @param {object} from
 * @param {typeof globalThis.chrome} from.chrome
 * @param {typeof globalThis.fetch} from.fetch
 * @param {{ read: () => Promise<Uint8Array | null> }} from.page  gives the bytes as the page itself can get them.
 * @param {string} from.pageUrl
 * @param {{ kind: "url" | "page" | "frame", url: string }} from.source  what the page's script found.
 * @param {() => Promise<Uint8Array | null>} from.screenshot  the last way.
 * @param {Early | null} [from.early]
 * @returns {Promise<{bytes: Uint8Array, screenshot: boolean}>}
 */
export async function readPicture({ chrome, fetch, page, pageUrl, source, screenshot, early = null }) {
  const ways = waysTo({ chrome, fetch, page, pageUrl, source, early });
  for (const way of ways) {
    const bytes = await way();
    if (bytes?.length > MAX_BYTES) throw new Problem("image-too-large");
    if (bytes?.length) return { bytes, screenshot: false };
  }
  const allowed = source.kind !== "url" || (await mayRead(chrome, source.url));
  const shot = await screenshot();
  if (shot) return { bytes: shot, screenshot: true };
  throw allowed ? new Problem("picture-unreadable") : new Problem("host-not-allowed", { host: hostOf(source.url) });
}

/**
 * A picture that is being read from here before its page was asked.
 * @typedef {{ url: string, bytes: Promise<Uint8Array | null> }} Early
 */

/**
 * Begin to read a picture by the first way there is, as soon as the question for its host is answered.
 * @param {{ fetch: typeof globalThis.fetch, url?: string, pageUrl: string, answered: Promise<boolean> }} from
 * @returns {Early | null}  null where that way goes through the page.
 */
export function readEarly({ fetch, url, pageUrl, answered }) {
  if (!url || !/^https?:/.test(url) || isKeptFrom(pageUrl, url)) return null;
  const bytes = answered.then(() => fetchPicture(fetch, url));
  bytes.catch(() => {}); // `readPicture` awaits it
  return { url, bytes };
}

/**
 * What a picture's file is called, for the person's own list of results; null where its address names none.
 * @param {{ kind: string, url: string } | undefined} source
 */
export function nameOf(source) {
  const address = source?.url ?? "";
  if (!/^(https?|file):/.test(address) || !URL.canParse(address)) return null;
  const last = new URL(address).pathname.split("/").pop() ?? "";
  try {
    return decodeURIComponent(last).slice(0, LONGEST_NAME) || null;
  } catch {
    return last.slice(0, LONGEST_NAME) || null;
  }
}

/** Whether a picture is on this machine, and so is read for a page of the same origin alone. */
function isKeptFrom(pageUrl, url) {
  return hostOf(url) === THIS_MACHINE && originOf(url) !== originOf(pageUrl);
}

function waysTo({ chrome, fetch, page, pageUrl, source, early }) {
  const asPage = () => page.read();
  if (source.kind !== "url") return [asPage];
  if (source.url.startsWith("data:")) return [() => fetchPicture(fetch, source.url)];
  const { url } = source;
  if (isKeptFrom(pageUrl, url)) return [asPage];
  return [
    () => (early?.url === url ? early.bytes : fetchPicture(fetch, url)),
    async () => {
      if (!pageUrl || !(await mayRead(chrome, url))) return null;
      return withReferer(chrome, { pictureUrl: url, pageUrl }, () => fetchPicture(fetch, url));
    },
    asPage,
  ];
}

/** Null where the host refuses, answers with something else than a picture, or may not be read. */
async function fetchPicture(fetch, url) {
  try {
    const response = await fetch(url, { credentials: "include", cache: "force-cache" });
    const type = response.headers.get("Content-Type") ?? "application/octet-stream";
    if (!response.ok || !PICTURE.test(type)) return null;
    if (hostOf(response.url) === THIS_MACHINE && hostOf(url) !== THIS_MACHINE) return null; // redirected here
    if (Number(response.headers.get("Content-Length")) > MAX_BYTES) throw new Problem("image-too-large");
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof Problem) throw error;
    return null;
  }
}

/** The page's own answer, which travels as text. @param {{ base64?: string }} [answer] */
export function bytesOf({ base64 } = {}) {
  return base64 ? fromBase64(base64) : null;
}
