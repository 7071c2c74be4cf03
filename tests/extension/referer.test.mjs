// A host that insists on a Referer gets the page's, for one picture and no longer.
import assert from "node:assert/strict";
import { test } from "node:test";

import { refererFrom, withReferer } from "../../extension/src/referer.js";
import { fakeChrome } from "./fakes.mjs";

const ASKED = { pictureUrl: "https://cdn.test/a.png", pageUrl: "https://page.test/album?id=1#top" };

test("another origin hears the page's origin alone; its own hears path and query, never the fragment", () => {
  assert.equal(refererFrom(ASKED.pageUrl, ASKED.pictureUrl), "https://page.test/");
  assert.equal(refererFrom(ASKED.pageUrl, "https://page.test/a.png"), "https://page.test/album?id=1");
});

test("the rule is for this picture and this extension, and is gone afterwards", async () => {
  const chrome = fakeChrome();
  assert.equal(await withReferer(chrome, ASKED, async () => "bytes"), "bytes");
  const [[, before], [, after]] = chrome.log;
  const [{ id, condition, action }] = before.addRules;
  assert.equal(condition.urlFilter, `|${ASKED.pictureUrl}|`);
  assert.deepEqual(condition.initiatorDomains, ["abcdef"]);
  assert.equal(action.requestHeaders[0].value, "https://page.test/");
  assert.deepEqual(after, { removeRuleIds: [id] });
});

test("the rule is gone even when the picture does not come", async () => {
  const chrome = fakeChrome();
  const failing = withReferer(chrome, ASKED, async () => {
    throw new TypeError("Failed to fetch");
  });
  await assert.rejects(failing, TypeError);
  assert.equal(chrome.log.length, 2);
});

test("two pictures at once have a rule each", async () => {
  const chrome = fakeChrome();
  await Promise.all([withReferer(chrome, ASKED, async () => {}), withReferer(chrome, ASKED, async () => {})]);
  const ids = chrome.log.flatMap(([, { addRules = [] }]) => addRules.map(({ id }) => id));
  assert.equal(new Set(ids).size, 2);
});
