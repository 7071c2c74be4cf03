// Bytes survive their way as text.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64, toBase64 } from "../../extension/src/bytes.js";

test("bytes come back as they went, more of them than a call takes arguments", () => {
  const bytes = Uint8Array.from({ length: 200_001 }, (_, at) => at % 256);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  assert.deepEqual(fromBase64(toBase64(new Uint8Array())), new Uint8Array());
});

test("the text is base64 as others write it", () => {
  assert.equal(toBase64(new TextEncoder().encode("Mien")), "TWllbg==");
});
