// A job may be posted before its picture is at the daemon; what comes of the picture decides.
import assert from "node:assert/strict";
import { test } from "node:test";

const { postOnce } = await import("../../extension/src/post-once.js");
const { Problem } = await import("../../extension/src/problem.js");

/** A daemon that refuses the first so many posts with this problem. */
function refusing(problem, times = 1) {
  const daemon = { posts: 0 };
  daemon.postJob = async () => {
    daemon.posts += 1;
    if (daemon.posts <= times) throw problem;
    return { id: "d1" };
  };
  return daemon;
}

test("a job whose picture the daemon has heard of is posted once, however long that is on its way", async () => {
  const daemon = refusing(null, 0);
  assert.equal(await postOnce(daemon, {}, "k", new Promise(() => {})), "d1");
  assert.equal(daemon.posts, 1);
});

test("where the daemon hears of the job first it is posted again once the picture is there", async () => {
  const daemon = refusing(new Problem("unknown-blob"));
  let arrive;
  const posting = postOnce(daemon, {}, "k", new Promise((resolve) => (arrive = resolve)));
  await new Promise((next) => setImmediate(next));
  assert.equal(daemon.posts, 1);
  arrive();
  assert.equal(await posting, "d1");
});

test("what keeps a picture from being sent is what is said, and not that the job has none", async () => {
  const sent = Promise.reject(new Problem("image-too-large"));
  await assert.rejects(postOnce(refusing(new Problem("unknown-blob")), {}, "k", sent), { code: "image-too-large" });
});

test("a picture that the daemon does not know although it was sent is said to be unknown", async () => {
  const daemon = refusing(new Problem("unknown-blob"), 2);
  await assert.rejects(postOnce(daemon, {}, "k", Promise.resolve()), { code: "unknown-blob" });
  assert.equal(daemon.posts, 2);
});

test("any other refusal is said at once", async () => {
  const daemon = refusing(new Problem("queue-full"));
  await assert.rejects(postOnce(daemon, {}, "k", new Promise(() => {})), { code: "queue-full" });
  assert.equal(daemon.posts, 1);
});
