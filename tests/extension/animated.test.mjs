// Pictures that move are told from those that do not by their first bytes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAnimated } from "../../extension/src/animated.js";

const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test("a GIF, and a WebP or PNG that says so, is animated", () => {
  for (const text of ["GIF89a", "RIFF....WEBPVP8X....\x12", "\x89PNG....IHDR....acTL....IDAT"])
    assert.equal(isAnimated(bytes(text)), true, text);
});

test("a still, whatever words lie in its pixels, is not", () => {
  for (const text of [
    "",
    "\xff\xd8\xff",
    "RIFF....WEBPVP8X....\x10",
    "RIFF....WEBPVP8 ....\x12",
    "\x89PNG..IDAT..acTL",
  ])
    assert.equal(isAnimated(bytes(text)), false, text);
});
