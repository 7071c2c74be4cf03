// A result is saved under the name that the daemon gives it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { DaemonClient, fileNameIn } from "../../extension/src/daemon-client.js";
import { fakeFetch } from "./fakes.mjs";

test("the whole name is taken before the one for old clients", () => {
  const both = "attachment; filename=\"Zoe - a.png\"; filename*=UTF-8''Zo%C3%AB%20-%20a.png";
  assert.equal(fileNameIn(both), "Zoë - a.png");
  assert.equal(fileNameIn('attachment; filename="Ann - a.png"'), "Ann - a.png");
  assert.equal(fileNameIn("attachment"), null);
  assert.equal(fileNameIn(null), null);
});

test("a result comes with its name", async () => {
  const headers = { "Content-Disposition": 'attachment; filename="Ann - a.png"' };
  const { fetch } = fakeFetch({ "GET /v1/jobs/j1/result": () => ({ json: {}, headers }) });
  const { name, blob } = await new DaemonClient({ fetch, port: 1 }).resultFile("j1");
  assert.equal(name, "Ann - a.png");
  assert.ok(blob.size);
});
