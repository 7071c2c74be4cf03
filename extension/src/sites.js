// Sites on which the person never wants the menu. Hiding it there takes the optional `tabs` permission, which the
// options page asks for with the first such site; without it the menu shows and a click there does nothing.

import { offerMenu } from "./context-menu.js";
import { hostOf } from "./hosts.js";

export async function offerFor({ chrome, settings }, tabId) {
  const tab = await chrome.tabs.get(tabId).catch(() => null);
  const { excludedSites } = await settings.all();
  if (!excludedSites.length) return offerMenu(chrome, true);
  return offerMenu(chrome, !(tab?.url && excludedSites.includes(hostOf(tab.url))));
}

/** A host as a person types it: with or without scheme, path and port. @returns {string | null} */
export function siteFrom(text) {
  const typed = text.trim();
  return hostOf(/^https?:\/\//.test(typed) ? typed : `https://${typed}`) || null;
}
