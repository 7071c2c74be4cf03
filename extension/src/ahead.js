// What a swap needs and no page has to be asked for is begun at the person's click, while the page's script is put in.
// Nothing of the picture is sent anywhere before the page has said that this is the one.

import { readEarly } from "./picture.js";

/**
 * @typedef {{
 *   daemon: Promise<any>, picture: import("./picture.js").Early | null,
 * }} Ahead  the proved daemon, and the picture that the browser's menu named.
 */

/**
 * @param {{ fetch: typeof globalThis.fetch, connection: { proved: () => Promise<any> } }} app
 * @param {{ frameId: number, tabUrl: string, hint: { srcUrl?: string } }} request
 * @param {Promise<boolean> | null} granted  the open question whether the picture's host may be read.
 * @returns {Ahead}
 */
export function beginAhead({ fetch, connection }, { frameId, tabUrl, hint }, granted) {
  const answered = granted ?? Promise.resolve(true);
  const daemon = answered.then(() => connection.proved());
  daemon.catch(() => {}); // `Swaps.send` awaits it, and reports what failed
  // A frame's own address is known to its script alone.
  const picture = frameId === 0 ? readEarly({ fetch, url: hint.srcUrl, pageUrl: tabUrl, answered }) : null;
  return { daemon, picture };
}
