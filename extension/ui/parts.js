// What the extension's pages have in common: the app behind them, their words, and the few elements they all make.

import { Connection } from "../src/connection.js";
import { Keychain } from "../src/keychain.js";
import { Settings } from "../src/settings.js";

const { chrome } = globalThis;

export function makeApp() {
  const settings = new Settings(chrome);
  const keychain = new Keychain(globalThis.indexedDB);
  const fetch = globalThis.fetch.bind(globalThis);
  return { chrome, settings, keychain, connection: new Connection({ chrome, fetch, settings, keychain }) };
}

export const say = (key, ...words) => chrome.i18n.getMessage(key, words);

/** What an engine is called, as the console calls it; one without words keeps its own name. */
export const engineName = (name) => say(`engine_${name.replaceAll("-", "_")}`) || name;

/** Fill every `data-say` and `data-say-*` of the page with its words, and set language and direction. */
export function localise(root = document) {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  document.documentElement.dir = say("@@bidi_dir");
  for (const element of queryAll(root, "[data-say]")) element.textContent = say(element.dataset.say);
  for (const name of ["title", "aria-label", "placeholder"]) {
    for (const element of root.querySelectorAll(`[data-say-${name}]`)) {
      element.setAttribute(name, say(element.getAttribute(`data-say-${name}`)));
    }
  }
}

/** @returns {HTMLElement[]} */
const queryAll = (root, selector) => [...root.querySelectorAll(selector)];

/**
 * An element of this page's own markup.
 * @returns {any} the page's script knows which kind it is.
 */
export const byId = (id) => document.getElementById(id);

/** `make('li', { className: 'job' }, child, 'text')` */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Ask the background for something it alone does. */
export const tell = (message) => chrome.runtime.sendMessage(message);

/** The one problem a page could not say, in its words. */
export function showNotice(box, words, action = null) {
  box.replaceChildren(make("span", {}, words), ...(action ? [action] : []));
  box.hidden = false;
}
