// When a person is seen in a clip, in words.
import assert from "node:assert/strict";
import test from "node:test";

import { spanWords } from "../../../../daemon/mien_daemon/console/swap/clip-spans.js";
import { speak } from "../../../../daemon/mien_daemon/console/words.js";

test("spans are told by the clip's own clock, many by the first and the last", () => {
  speak("en", { spans_count_other: "{whole}, {count} times" });
  const [first, second, third] = /** @type {[number, number][]} */ ([
    [0, 1],
    [2, 2.5],
    [3, 4],
  ]);
  assert.equal(spanWords([first, second], 10), "0:10.0–0:11.0, 0:12.0–0:12.5");
  assert.equal(spanWords([first, second, third], 0), "0:00.0–0:04.0, 3 times");
});
