// The address says which view is shown, and of what.
import assert from "node:assert/strict";
import test from "node:test";

import { Router } from "../../../daemon/mien_daemon/console/router.js";

const at = (hash) => new Router({ hash }, new EventTarget(), "swap");

test("an address without a view is the usual one", () => {
  for (const hash of ["", "#", "#/"]) assert.deepEqual(at(hash).place, { view: "swap", item: null });
});

test("a view may be of one item, whatever is in its name", () => {
  assert.deepEqual(at("#/results/a%2Fb").place, { view: "results", item: "a/b" });
});

test("going somewhere and reading the address agree", () => {
  const router = at("");
  router.go("faces", "a/b c");
  assert.deepEqual(router.place, { view: "faces", item: "a/b c" });
  router.go("jobs");
  assert.deepEqual(router.place, { view: "jobs", item: null });
});

test("a change of the address is told", () => {
  const window = new EventTarget();
  const router = new Router({ hash: "" }, window, "swap");
  let told = 0;
  router.addEventListener("change", () => (told += 1));
  window.dispatchEvent(new Event("hashchange"));
  assert.equal(told, 1);
});
