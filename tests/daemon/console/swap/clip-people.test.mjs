// Who is in a clip is found by a job; its answer becomes the target's faces, unless another part is meant by then.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assignFirst, partOf } from "../../../../daemon/mien_daemon/console/swap/assignments.js";
import { Problem } from "../../../../daemon/mien_daemon/console/problem.js";
import { lookAtClip } from "../../../../daemon/mien_daemon/console/swap/clip-people.js";
import { settle } from "../../../../daemon/mien_daemon/console/swap/settle.js";
import { deferred } from "../deferred.mjs";

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
  const target = { name: "holiday.mp4", digest: "sha256:1", clip: true, begin: 0.5 };
  await lookAtClip(api, target);
  assert.deepEqual(api.asked[0], {
    kind: "analyse",
    target: "sha256:1",
    options: { from: 0.5 },
    label: { target: "holiday.mp4" },
  });
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

/** An API that gives each job a name and whose jobs end when they are cancelled or told to. */
function apiOfJobs() {
  const [asked, ends] = [[], new Map()];
  const end = (id, answer) => ends.get(id).resolve({ headers: new Headers(), json: async () => ({ ...answer, id }) });
  const post = async (path, body) => {
    asked.push(body ? body.options : path);
    if (!body) return end(path.split("/")[3], { state: "cancelled", result: null });
    const id = `job-${ends.size}`;
    ends.set(id, deferred());
    return { id, state: "queued" };
  };
  return { asked, end, post, send: (path) => ends.get(path.split(/[/?]/)[3]).promise };
}

test("a clip that is trimmed while it is looked at has the people of the new part; the first job stops", async () => {
  const api = apiOfJobs();
  const target = { digest: "sha256:1", clip: true, end: 2, assignments: {} };
  const draft = { api, people: [{ key: "ada" }], changed() {} };
  const first = settle(draft, target, async () => "sha256:1");
  await new Promise(setImmediate);
  target.end = 1;
  const second = settle(draft, target, async () => "sha256:1");
  await first;
  assert.deepEqual([target.faces, target.unseen, target.assignments], [undefined, undefined, {}]);
  api.end("job-1", DONE);
  await second;
  assert.deepEqual(api.asked, [{ to: 2 }, "/v1/jobs/job-0/cancel", { to: 1 }]);
  assert.deepEqual([target.sheet, target.assignments], ["/v1/jobs/job-1/result", { 0: "ada" }]);
});

test("a job that was asked for too late is stopped, and one that will not stop is no fault of the clip", async () => {
  const target = { digest: "sha256:1", clip: true };
  const stopped = [];
  const post = async (path, body) => {
    if (body)
      target.look = {}; // another look has begun
    else stopped.push(path);
    if (!body) throw new Problem({ code: "cancelled", status: 409 });
    return { id: "a", state: "queued" };
  };
  await lookAtClip({ post }, target);
  assert.deepEqual([stopped, target.faces], [["/v1/jobs/a/cancel"], undefined]);
});

test("a look that failed says why", async () => {
  const failed = { id: "a", state: "failed", result: null, problem: { code: "no-face-found" } };
  await assert.rejects(lookAtClip(apiOf(failed), { digest: "sha256:1" }), { code: "no-face-found" });
});

test("of a clip all is meant until a part is named", () => {
  assert.deepEqual(partOf({}), {});
  assert.deepEqual(partOf({ begin: 1, end: 2 }), { from: 1, to: 2 });
});
