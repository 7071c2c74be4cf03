// Who this page is and which language it speaks: asked for before the rest of the page is made.
import { loadWords } from "./language.js";
import { PageKey } from "./page-key.js";
import { nameOf, Session } from "./session.js";

export const fetcher = window.fetch.bind(window);

const channel = new BroadcastChannel("mien");
const key = new PageKey(window);
const name = nameOf(/** @type {any} */ (navigator));
export const session = new Session(fetcher, { location, history, storage: sessionStorage, channel, key, name });

/** Whether a session can be hoped for: then the page is made while it is opened. */
export const hoped = session.isHopedFor();
/** Whether there is one. */
export const opened = session.open();
export const spoken = loadWords(fetcher);
