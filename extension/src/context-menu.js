// The entries of the right-click menu: Swap face → recent references, Choose a face…, Restore, Open in Mien.

// Not on images alone: the browser takes no background, canvas or covered picture for an image. One entry for all:
// where two apply, the browser folds them into a menu of their own.
const CONTEXTS = ["image", "link", "page"];

/** Build the menu anew; the browser keeps it while the background sleeps. */
export async function buildMenu(chrome, { recentReferences }) {
  const menus = menusOf(chrome);
  await menus.removeAll();
  const say = (key, ...words) => chrome.i18n.getMessage(key, words);
  const add = (entry) => menus.create({ contexts: CONTEXTS, ...entry }, () => void chrome.runtime.lastError);
  add({ id: "swap", title: say("menu_swap") });
  for (const { id, name } of recentReferences) {
    add({ id: `swap:${id}`, parentId: "swap", title: say("menu_reference", escapeAccessKey(name)) });
  }
  if (recentReferences.length) add({ id: "line", parentId: "swap", type: "separator" });
  add({ id: "choose", parentId: "swap", title: say("menu_choose") });
  add({ id: "restore", parentId: "swap", title: say("menu_restore") });
  add({ id: "open", parentId: "swap", title: say("menu_open") });
}

/**
 * What a click on an entry asks for.
 * @returns {{do: 'swap' | 'restore' | 'open', referenceId?: string, ask?: boolean}}
 */
export function readRequest({ menuItemId }) {
  const [entry, referenceId] = String(menuItemId).split(/:(.*)/s);
  if (entry === "restore" || entry === "open") return { do: entry };
  return { do: "swap", referenceId, ask: entry === "choose" };
}

/** Show or hide the whole menu, on sites where the person never wants it. */
export async function offerMenu(chrome, visible) {
  await menusOf(chrome)
    .update("swap", { visible })
    .catch(() => {}); // it is not built yet
}

export function menusOf(chrome) {
  return chrome.menus ?? chrome.contextMenus;
}

/** `&` marks an access key in a menu. */
function escapeAccessKey(name) {
  return name.replaceAll("&", "&&");
}
