// A request waits for its answer, and is answered once.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PendingRequests } from "../../extension/src/pending-requests.js";
import { fakeChrome } from "./fakes.mjs";

test("a request is taken once", async () => {
  const pending = new PendingRequests(fakeChrome());
  const id = await pending.keep({ tabId: 7 });
  assert.deepEqual(await pending.take(id), { tabId: 7 });
  assert.equal(await pending.take(id), null);
});

test("requests do not meet one another, and a made-up id gets none", async () => {
  const pending = new PendingRequests(fakeChrome());
  const [one, other] = [await pending.keep({ tabId: 1 }), await pending.keep({ tabId: 2 })];
  assert.equal(await pending.take("nonsense"), null);
  assert.deepEqual([await pending.take(other), await pending.take(one)], [{ tabId: 2 }, { tabId: 1 }]);
});

test("a request outlives the background, in memory only", async () => {
  const chrome = fakeChrome();
  const id = await new PendingRequests(chrome).keep({ tabId: 1 });
  assert.deepEqual(await new PendingRequests(chrome).take(id), { tabId: 1 });
  assert.deepEqual(chrome.storage.local.kept, {});
});
