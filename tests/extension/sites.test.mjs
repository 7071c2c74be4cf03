// The menu keeps away from sites on which the person never wants it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { offerFor, siteFrom } from "../../extension/src/sites.js";

function browserAt(url) {
  const offered = [];
  const update = async (_id, { visible }) => offered.push(visible);
  const tabs = {
    async get() {
      if (url === null) throw new Error("No tab with id");
      return { url };
    },
  };
  return { chrome: { contextMenus: { update }, tabs }, offered };
}

async function offersAt(url, excludedSites) {
  const { chrome, offered } = browserAt(url);
  await offerFor({ chrome, settings: { all: async () => ({ excludedSites }) } }, 1);
  return offered.at(-1);
}

test("the menu is hidden on an excluded site and shown elsewhere", async () => {
  assert.equal(await offersAt("https://bank.test/x", ["bank.test"]), false);
  assert.equal(await offersAt("https://news.test/x", ["bank.test"]), true);
});

test("a tab whose address cannot be seen, or that is gone, gets the menu", async () => {
  assert.equal(await offersAt(undefined, ["bank.test"]), true);
  assert.equal(await offersAt(null, ["bank.test"]), true);
});

test("without excluded sites the menu is everywhere", async () => {
  assert.equal(await offersAt("https://bank.test/", []), true);
});

test("a site is what a person types, with or without scheme, path and port", () => {
  for (const typed of ["bank.test", " https://bank.test/login ", "http://bank.test:8080", "bank.test/x?y"])
    assert.equal(siteFrom(typed), "bank.test", typed);
  assert.equal(siteFrom(""), null);
  assert.equal(siteFrom("not a host"), null);
});
