// Who is in a clip is found by a job; its answer becomes the target's faces, unless another part is meant by then.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assignFirst, jobFor, partOf } from "../../../../daemon/mien_daemon/console/swap/assignments.js";
import { lookAtClip } from "../../../../daemon/mien_daemon/console/swap/clip-people.js";

const DONE = {
  id: "a",
  state: "done",
  result: {
    duration_s: 1.5,
    people: [
      { id: 0, crop: [0, 0, 192, 150], spans: [[0, 1.5]], faults: {} },
      { id: 1, crop: [192, 0, 190, 192], spans: [[1, 1.5]], faults: { occluded: 3 } },
    ],
  },
};

/** An API whose job changes with each answer. */
function apiOf(...answers) {
  const asked = [];
  return {
    asked,
    post: async (path, body) => (asked.push(body), { id: "a", state: "queued" }),
    send: async (_path, { headers }) => {
      asked.push(headers["If-None-Match"] ?? "");
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return { headers: new Headers({ ETag: '"1"' }), json: async () => answer };
    },
  };
}

test("the people become faces, each with its place in the picture of all", async () => {
  const nothingNew = Object.assign(new Error("304"), { document: { status: 304 } });
  const api = apiOf({ id: "a", state: "running" }, nothingNew, DONE);
  const target = { digest: "sha256:1", clip: true, begin: 0.5 };
  await lookAtClip(api, target);
  assert.deepEqual(api.asked[0], { kind: "analyse", target: "sha256:1", options: { from: 0.5 } });
  assert.deepEqual(api.asked.slice(1), ["", '"1"', '"1"']);
  assert.equal(target.sheet, "/v1/jobs/a/result");
  assert.deepEqual(
    target.faces.map(({ index, bbox }) => [index, bbox]),
    [
      [0, [0, 0, 192, 150]],
      [1, [192, 0, 382, 192]],
    ],
  );
  assert.deepEqual(assignFirst(target, "ada"), { 0: "ada" }, "the first is the most prominent, whatever its crop");
});

test("what was found of another part is not taken", async () => {
  const target = { digest: "sha256:1", clip: true, end: 2 };
  const looking = lookAtClip(apiOf(DONE), target);
  target.end = 1;
  await looking;
  assert.equal(target.faces, undefined);
});

test("a look that failed says why", async () => {
  const failed = { id: "a", state: "failed", result: null, problem: { code: "no-face-found" } };
  await assert.rejects(lookAtClip(apiOf(failed), { digest: "sha256:1" }), { code: "no-face-found" });
});

test("the job of a clip names its part, and asks for no skin detail", () => {
  const target = { digest: "sha256:1", clip: true, begin: 1, end: 2, assignments: { 1: "ada" } };
  const { options } = jobFor(target, "ada", [], { engine: "mesh", restore: 0.5 }, "interactive");
  assert.deepEqual(options, { engine: "mesh", restore: 0, from: 1, to: 2, faces: [1], priority: "interactive" });
  assert.deepEqual(partOf({}), {});
});
