// A running job's latest step is shown: at most two a second, one at a time, and nothing once the job has ended.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.document = {
  createElement: () => ({ setAttribute() {}, append() {}, hidden: true, decode: async () => {} }),
};
const { stepPicture } = await import("../../../../daemon/mien_daemon/console/jobs/step-picture.js");

const running = (progress, more = {}) => ({ id: "a", state: "running", stage: "generate", progress, ...more });

/** An api that answers in turn, a clock, and what was asked for. */
function scene(...answers) {
  const clock = { now: 0 };
  const asked = [];
  const blob = async (path) => {
    asked.push(path);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { ...stepPicture({ blob }, () => clock.now), clock, asked };
}

const unfinished = Object.assign(new Error("no step yet"), { document: { code: "job-unfinished" } });
const picture = new Blob(["x"], { type: "image/jpeg" });

test("of many changes in a second two are asked for, each with its own step", async () => {
  const { look, element, clock, asked } = scene(picture);
  for (let at = 0; at < 20; at += 1, clock.now += 100) await look(running(at / 20));
  assert.equal(asked.length, 4);
  assert.equal(new Set(asked).size, 4);
  assert.equal(asked[1], "/v1/jobs/a/preview?step=250");
  assert.equal(element.hidden, false);
});

test("a picture that is long on its way is not asked for twice", async () => {
  const { look, clock, asked } = scene(picture);
  const first = look(running(0.1));
  clock.now = 5000;
  await look(running(0.2));
  await first;
  assert.equal(asked.length, 1);
});

test("an engine that shows no steps leaves the target as it is, and is asked ever less often", async () => {
  const { look, element, clock, asked } = scene(unfinished);
  for (let at = 0; at < 100; at += 1, clock.now += 100) await look(running(at / 100));
  assert.ok(asked.length <= 4, `${asked.length}`);
  assert.equal(element.hidden, true);
});

test("the target is seen again once the job has ended, and when another job runs that has no step yet", async () => {
  const { look, element, clock } = scene(picture, unfinished);
  await look(running(0.1));
  assert.equal(element.hidden, false);
  await look(running(1, { state: "cancelled" }));
  assert.equal(element.hidden, true);
  clock.now = 10_000;
  await look(running(0.1, { id: "b" }));
  assert.equal(element.hidden, true);
});

test("a step that arrives after the end is not shown", async () => {
  let arrive = (_picture) => {};
  const { look, element } = stepPicture({ blob: () => new Promise((resolve) => (arrive = resolve)) }, () => 0);
  const looking = look(running(0.1));
  await look(running(0.2, { state: "failed" }));
  arrive(picture);
  await looking;
  assert.equal(element.hidden, true);
});

test("no other stage and no waiting job is asked for steps", async () => {
  const { look, asked } = scene(picture);
  await look(running(0.1, { stage: "decode" }));
  await look(running(0, { state: "queued", stage: null }));
  await look(undefined);
  assert.deepEqual(asked, []);
});

test("what is no refusal is not hidden", async () => {
  const { look } = scene(new TypeError("a fault of the page"));
  await assert.rejects(look(running(0.1)), TypeError);
});
