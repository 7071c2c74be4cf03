// What a device is called.
import assert from "node:assert/strict";
import test from "node:test";

import { deviceWords } from "../../../../daemon/mien_daemon/console/settings/devices.js";
import { speak } from "../../../../daemon/mien_daemon/console/words.js";

test("devices are called what a person calls them, cards by their number", () => {
  speak("en", { device_auto: "Automatic", device_cpu: "Processor", device_gpu: "Graphics card {number}" });
  assert.deepEqual(["auto", "cpu", "cuda:0", "xpu:1"].map(deviceWords), [
    "Automatic",
    "Processor",
    "Graphics card 1",
    "Graphics card 2",
  ]);
  assert.deepEqual(["mps", "cuda:0,cuda:1"].map(deviceWords), ["MPS", "CUDA:0,CUDA:1"]);
});
