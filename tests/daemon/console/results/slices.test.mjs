// Of many results some are shown at once and more each frame; where a person comes back to is there from the first.
import assert from "node:assert/strict";
import { test } from "node:test";

const frames = [];
Object.assign(globalThis, { requestAnimationFrame: (work) => frames.push(work) });
const { inSlices } = await import("../../../../daemon/mien_daemon/console/results/slices.js");

const results = (count) => Array.from({ length: count }, (_, at) => ({ id: String(at) }));

/** A gallery that only counts: `counts` are the lengths that it was shown with. At `rest` no picture is fetched. */
function gallery(rest = Promise.resolve(undefined)) {
  const [end, leaving] = [{ hidden: false }, new AbortController()];
  const counts = [];
  /** @type {boolean[]} */
  const changes = [];
  const count = (shown, isChange) => (counts.push(shown.length), changes.push(isChange));
  const show = inSlices(count, end, { rest: () => rest }, leaving.signal);
  return { counts, changes, end, leaving, show };
}

async function playFrames() {
  while (frames.length > 0) {
    frames.shift()();
    await new Promise(setImmediate);
  }
}

test("more are shown each frame until all are there, and the end is away meanwhile", async () => {
  const { counts, end, show } = gallery();
  show(results(50), "");
  assert.deepEqual([counts, end.hidden, frames.length], [[20], true, 1]);
  await playFrames();
  assert.deepEqual([counts, end.hidden], [[20, 40, 50], false]);
});

test("those that are there are looked at again when something changes, not because more come", async () => {
  const { changes, show } = gallery();
  show(results(50), "");
  await playFrames();
  show(results(50), "");
  assert.deepEqual(changes, [true, false, false, true]);
});

test("what is there stays there when others come, go or change", async () => {
  const { counts, show } = gallery();
  show(results(50), "");
  await playFrames();
  for (const count of [51, 30, 50]) show(results(count), "");
  assert.deepEqual(counts.slice(3), [51, 30, 50]);
  show(results(150), "");
  await playFrames();
  assert.deepEqual(counts.slice(6), [60, 80, 100, 120, 140, 150]);
});

test("the result that a person comes back to is there at once", async () => {
  const { counts, show } = gallery();
  show(results(50), "33");
  assert.deepEqual(counts, [34]);
  await playFrames();
  assert.deepEqual(counts, [34, 50]);
});

test("a gallery that was left makes no more", async () => {
  const { counts, leaving, show } = gallery();
  show(results(90), "");
  leaving.abort();
  await playFrames();
  assert.deepEqual(counts, [20]);
});

test("the pictures of the first come before there are more", async () => {
  let finish = () => {};
  const fetched = new Promise((resolve) => (finish = () => resolve(undefined)));
  const { counts, show } = gallery(fetched);
  show(results(50), "");
  await playFrames();
  assert.deepEqual(counts, [20]);
  finish();
  await fetched;
  await new Promise(setImmediate);
  await playFrames();
  assert.deepEqual(counts, [20, 40, 50]);
});
