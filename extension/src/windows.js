// The extension's own pages that are opened beside the person's page.

/** Ask whose face a picture shall get; `key` is the waiting job, or null to only set the default. */
export function openFaces(chrome, key) {
  return openSmall(chrome, `ui/faces.html${key ? `?for=${encodeURIComponent(key)}` : ""}`, 460, 560);
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
