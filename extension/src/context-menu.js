// The entries of the right-click menu: Swap face → recent references, Choose a face…, Restore, Open in Mien.

// Not on images alone: the browser takes no background, canvas or covered picture for an image. One entry for all:
// where two apply, the browser folds them into a menu of their own.
const CONTEXTS = ["image", "link", "page"];

// Of a video the frame that is shown is swapped, and the entry says so.
const ROOTS = [
  { root: "swap", contexts: CONTEXTS, title: "menu_swap" },
  { root: "frame", contexts: ["video"], title: "menu_swap_frame" },
];

/** Build the menu anew; the browser keeps it while the background sleeps. */
export async function buildMenu(chrome, { recentReferences }) {
  const menus = menusOf(chrome);
  await menus.removeAll();
  const say = (key, ...words) => chrome.i18n.getMessage(key, words);
  for (const { root, contexts, title } of ROOTS) {
    const add = (entry) => menus.create({ contexts, ...entry }, () => void chrome.runtime.lastError);
    const inside = (id, entry) => add({ id: `${root}/${id}`, parentId: root, ...entry });
    add({ id: root, title: say(title) });
    for (const { id, name } of recentReferences)
      inside(`face:${id}`, { title: say("menu_reference", escapeAccessKey(name)) });
    if (recentReferences.length) inside("line", { type: "separator" });
    inside("choose", { title: say("menu_choose") });
    inside("restore", { title: say("menu_restore") });
    inside("open", { title: say("menu_open") });
  }
}

/**
 * What a click on an entry asks for.
 * @returns {{do: 'swap' | 'restore' | 'open', referenceId?: string, ask?: boolean}}
 */
export function readRequest({ menuItemId }) {
  const [entry, referenceId] = String(menuItemId)
    .replace(/^(swap|frame)\//, "")
    .split(/:(.*)/s);
  if (entry === "restore" || entry === "open") return { do: entry };
  return { do: "swap", referenceId, ask: entry === "choose" };
}

/** Show or hide the whole menu, on sites where the person never wants it. */
export async function offerMenu(chrome, visible) {
  for (const { root } of ROOTS)
    await menusOf(chrome)
      .update(root, { visible })
      .catch(() => {}); // it is not built yet
}

export function menusOf(chrome) {
  return chrome.menus ?? chrome.contextMenus;
}

/** `&` marks an access key in a menu. */
function escapeAccessKey(name) {
  return name.replaceAll("&", "&&");
}
