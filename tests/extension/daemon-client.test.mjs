// What the daemon is asked, where the words on the wire matter.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeFetch } from "./fakes.mjs";

const { DaemonClient } = await import("../../extension/src/daemon-client.js");

test("a job that was seen before is told in steps, and one that was not at once", async () => {
  const headers = { ETag: "a" };
  const { fetch, asked } = fakeFetch({ "GET /v1/jobs/j1": () => ({ json: { state: "running" }, headers }) });
  const daemon = new DaemonClient({ fetch, port: 1 });
  assert.deepEqual(await daemon.job("j1", null), { job: { state: "running" }, tag: "a" });
  await daemon.job("j1", "a");
  assert.deepEqual(
    asked.map(({ search }) => search),
    ["?wait=8", "?wait=8&pace=0.25"],
  );
});

test("a result is its bytes and what they are", async () => {
  const headers = { "Content-Type": "image/jpeg" };
  const { fetch } = fakeFetch({ "GET /v1/jobs/j1/result": () => ({ json: {}, headers }) });
  const result = await new DaemonClient({ fetch, port: 1 }).result("j1");
  assert.deepEqual([await result.text(), result.type], ["{}", "image/jpeg"]);
});
