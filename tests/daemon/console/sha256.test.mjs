// A file's name is the hash of its bytes; a clip is hashed in parts, because a tab has no room for all of it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";

import { hashFile, hashParts } from "../../../daemon/mien_daemon/console/sha256.js";

test("a hash of parts is the hash of the whole, wherever blocks and parts end", async () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, place) => (place * 97) % 256);
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 192, 300]) {
    const some = bytes.subarray(0, size);
    const known = createHash("sha256").update(some).digest("hex");
    for (const part of [64, 128, 1024]) assert.equal(await hashParts(new Blob([some]), part), known, `${size}/${part}`);
  }
});

test("of a large file no more than a part is read at a time", async () => {
  const size = (16 << 20) + 100;
  const parts = [];
  const slice = (from, to) => (parts.push(to - from), new Blob([new Uint8Array(Math.min(to, size) - from)]));
  const known = createHash("sha256").update(new Uint8Array(size)).digest("hex");
  assert.equal(await hashFile({ size, slice }), known);
  assert.ok(Math.max(...parts) <= 1 << 20);
});
