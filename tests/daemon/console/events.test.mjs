// The stream of events is read as its format says.
import assert from "node:assert/strict";
import test from "node:test";

import { parse } from "../../../daemon/mien_daemon/console/events.js";

test("an event's fields are read as the format says", () => {
  assert.deepEqual(parse('id: x-1\nevent: job\ndata: {"a":1}'), { id: "x-1", event: "job", data: '{"a":1}' });
});

test("a comment carries nothing", () => {
  assert.deepEqual(parse(": still here"), { event: "message", data: "" });
});
