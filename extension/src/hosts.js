// Which host a picture lives on, and whether we may read there.

const READABLE = new Set(["http:", "https:"]);

/** The match pattern of a URL's host, or null when there is no host to ask for. Patterns carry no port. */
export function patternOf(url) {
  const parsed = tryUrl(url);
  return parsed && READABLE.has(parsed.protocol) ? `${parsed.protocol}//${parsed.hostname}/*` : null;
}

export function originOf(url) {
  return tryUrl(url)?.origin ?? "null";
}

export function hostOf(url) {
  return tryUrl(url)?.hostname ?? "";
}

/**
 * What has to be asked for before this picture can be read: the hosts beyond the tab's own, which `activeTab` covers.
 * Pure, so that it can be known without waiting: a permission is asked for before the first `await` or not at all.
 */
export function patternsBeyond(tabUrl, ...urls) {
  const own = tryUrl(tabUrl)?.origin;
  const foreign = urls.filter((url) => url && tryUrl(url)?.origin !== own);
  return [...new Set(foreign.map(patternOf).filter(Boolean))];
}

/** Call this synchronously from the event of the person's click. @returns {Promise<boolean>} */
export function askFor(chrome, origins) {
  return origins.length ? chrome.permissions.request({ origins }).catch(() => false) : Promise.resolve(true);
}

export async function mayRead(chrome, url) {
  const pattern = patternOf(url);
  return pattern !== null && chrome.permissions.contains({ origins: [pattern] });
}

function tryUrl(url) {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}
