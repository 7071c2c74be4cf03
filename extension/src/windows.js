// The extension's own pages that are opened beside the person's page.

/**
 * Add a face, in a window that stays while the person looks for a picture or at the camera.
 * @param {any} chrome
 * @param {{ key?: string, camera?: boolean }} [what]  `key` is the job that waits for the face.
 */
export function openFace(chrome, { key, camera = false } = {}) {
  const asked = new URLSearchParams({ ...(key ? { for: key } : {}), ...(camera ? { camera: "on" } : {}) });
  return openSmall(chrome, `ui/face.html${asked.size ? `?${asked}` : ""}`, 460, 680);
}

/** After the installation: the popup itself, where the browser lets it be opened; else the options. */
export async function openFirst(chrome) {
  try {
    await chrome.action.openPopup();
  } catch {
    await openPairing(chrome);
  }
}

/** Ask for a host, with the reason, where the browser wants a click of ours for it. */
export function openPermission(chrome, key, host) {
  return openSmall(
    chrome,
    `ui/permission.html?for=${encodeURIComponent(key)}&host=${encodeURIComponent(host)}`,
    460,
    320,
  );
}

export function openPairing(chrome) {
  return chrome.tabs.create({ url: chrome.runtime.getURL("ui/options.html#pairing") });
}

function openSmall(chrome, path, width, height) {
  return chrome.windows.create({ url: chrome.runtime.getURL(path), type: "popup", width, height });
}
