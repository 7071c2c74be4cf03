// Which hosts a picture needs, and which of them have to be asked for.
import assert from "node:assert/strict";
import { test } from "node:test";

import { askFor, hostOf, mayRead, originOf, patternOf, patternsBeyond } from "../../extension/src/hosts.js";

test("a pattern names scheme and host, without port and path", () => {
  assert.equal(patternOf("https://a.test:8443/x/y.png?z"), "https://a.test/*");
});

test("what has no host to ask for has no pattern", () => {
  for (const url of ["data:image/png,x", "blob:https://a.test/1", "file:///x.png", "not a url", null])
    assert.equal(patternOf(url), null, url);
});

test("only the hosts beyond the tab's own are asked for, each once", () => {
  const urls = ["https://page.test/a.png", "https://cdn.test/b.png", "https://cdn.test/c.png", null, "data:,x"];
  assert.deepEqual(patternsBeyond("https://page.test/", ...urls), ["https://cdn.test/*"]);
});

test("another port of the same host is beyond it", () => {
  assert.deepEqual(patternsBeyond("http://page.test/", "http://page.test:81/a.png"), ["http://page.test/*"]);
});

test("nothing to ask for is granted without a question", async () => {
  assert.equal(await askFor({}, []), true);
});

test("a question that the browser refuses to ask is a no", async () => {
  const request = async () => {
    throw new Error("may only be requested during a user gesture");
  };
  assert.equal(await askFor({ permissions: { request } }, ["https://a.test/*"]), false);
});

test("a picture may be read where its host was granted, and nowhere without a host", async () => {
  const chrome = { permissions: { contains: async ({ origins: [pattern] }) => pattern === "https://a.test/*" } };
  assert.equal(await mayRead(chrome, "https://a.test/x"), true);
  assert.equal(await mayRead(chrome, "https://b.test/x"), false);
  assert.equal(await mayRead(chrome, "data:,x"), false);
});

test("an address that is none has no host and an origin that equals no other's", () => {
  assert.deepEqual([hostOf("nonsense"), originOf("nonsense")], ["", "null"]);
});
