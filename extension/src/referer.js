// Hosts that give a picture only to their own pages look at the Referer. A session rule sends the page's, for this
// extension's requests to that one picture alone, and is gone when the picture has come.

let nextRule = 1;

/** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
export async function withReferer(chrome, { pictureUrl, pageUrl }, work) {
  const rules = chrome.declarativeNetRequest;
  const id = nextRule;
  nextRule += 1;
  const rule = {
    id,
    action: {
      type: "modifyHeaders",
      requestHeaders: [{ header: "Referer", operation: "set", value: refererFrom(pageUrl, pictureUrl) }],
    },
    condition: {
      urlFilter: `|${pictureUrl}|`,
      initiatorDomains: [new URL(chrome.runtime.getURL("")).hostname],
      resourceTypes: ["xmlhttprequest", "other"],
    },
  };
  await rules.updateSessionRules({ removeRuleIds: [id], addRules: [rule] });
  try {
    return await work();
  } finally {
    await rules.updateSessionRules({ removeRuleIds: [id] });
  }
}

/** What the browser's default policy (strict-origin-when-cross-origin) would have sent. */
export function refererFrom(pageUrl, pictureUrl) {
  const page = new URL(pageUrl);
  const same = page.origin === new URL(pictureUrl).origin;
  return same ? `${page.origin}${page.pathname}${page.search}` : `${page.origin}/`;
}
