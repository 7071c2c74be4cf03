// Whether a machine has what an engine needs is said in one sentence.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { fitWords } from "../../../daemon/mien_daemon/console/engine-fit.js";
import { speak } from "../../../daemon/mien_daemon/console/words.js";

const english = new URL("../../../daemon/mien_daemon/console/locales/en.json", import.meta.url);
speak("en", JSON.parse(readFileSync(english, "utf-8")));

const GIB = 2 ** 30;
const PROCESSORS = { kind: "cpu", memory_bytes: 24 * GIB };
const FLUX = { fits: "no", memory_bytes: 8 * GIB, device: "cpu" };

test("an engine that main memory would hold and that does not fit lacks a card", () => {
  assert.equal(fitWords(FLUX, PROCESSORS), "needs 8 GB of GPU memory; this machine has none");
});

test("a card that is too small is named beside what is needed", () => {
  const words = fitWords({ ...FLUX, device: "cuda" }, { kind: "discrete", memory_bytes: 6 * GIB });
  assert.equal(words, "needs 8 GB of GPU memory; this machine has 6 GB");
});

test("what fits is said without the machine, and so is a card whose memory nobody knows", () => {
  assert.equal(fitWords({ ...FLUX, fits: "yes", memory_bytes: GIB / 4 }, PROCESSORS), "needs 250 MB of memory");
  const unknown = { ...FLUX, fits: "unknown", device: "xpu" };
  assert.equal(fitWords(unknown, { kind: "discrete", memory_bytes: null }), "needs 8 GB of GPU memory");
});

test("too little main memory is told as such", () => {
  assert.equal(
    fitWords({ ...FLUX, memory_bytes: 32 * GIB }, PROCESSORS),
    "needs 32 GB of memory; this machine has 24 GB",
  );
});
