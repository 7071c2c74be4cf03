// Who this page is and which language it speaks: asked for before the rest of the page is made.
import { loadWords } from "./language.js";
import { PageKey } from "./page-key.js";
import { nameOf, Session } from "./session.js";

export const fetcher = window.fetch.bind(window);

const channel = new BroadcastChannel("mien");
const key = new PageKey(window);
const name = nameOf(/** @type {any} */ (navigator));
export const session = new Session(fetcher, { location, history, storage: sessionStorage, channel, key, name });

/** Whether there is a session, once the words are there too. */
export const opened = Promise.all([session.open(), loadWords(fetcher)]).then(([open]) => open);
