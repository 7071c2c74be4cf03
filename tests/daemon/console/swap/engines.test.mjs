// An engine's schema becomes controls, defaults and presets.
import assert from "node:assert/strict";
import test from "node:test";

import {
  clipOptionsOf,
  controlsFor,
  optionsOf,
  presetOf,
  readControl,
  readEngine,
  settingsFrom,
  valuesOf,
  valuesUnder,
  withOpenChoice,
  withoutPictures,
} from "../../../../daemon/mien_daemon/console/swap/engines.js";

const SERVED = {
  name: "flux",
  summary: "",
  state: "needs-models",
  memory_bytes: 3,
  options: {
    strength: { type: "number", exclusiveMinimum: 0, maximum: 1, step: 0.05, default: 0.75, control: "main" },
    steps: { type: "integer", minimum: 1, maximum: 100, default: 28, control: "advanced" },
    side: { type: "integer", minimum: 256, default: 1024 },
  },
  presets: [
    { name: "balanced", options: {} },
    { name: "quick", options: { steps: 12 } },
  ],
};
const ENGINE = readEngine(SERVED);

test("an option without a control is not shown", () => {
  assert.deepEqual(
    ENGINE.controls.map(({ name, advanced }) => [name, advanced]),
    [
      ["strength", false],
      ["steps", true],
    ],
  );
});

test("an engine is ready when the API says so", () => {
  assert.equal(ENGINE.ready, false);
  assert.equal(readEngine({ ...SERVED, state: "ready" }).ready, true);
});

test("a number between bounds is a slider; one without is typed", () => {
  const control = (schema) => readControl("x", { default: 0, ...schema });
  assert.equal(control({ type: "number", minimum: 0, maximum: 1 }).kind, "slider");
  assert.equal(control({ type: "number", minimum: 0 }).kind, "number");
});

test("an excluded bound is a step away", () => {
  assert.deepEqual([ENGINE.controls[0].min, ENGINE.controls[0].max], [0.05, 1]);
});

test("a whole number moves by one, or by what it must be a multiple of", () => {
  assert.equal(ENGINE.controls[1].step, 1);
  assert.equal(readControl("side", { type: "integer", multipleOf: 16 }).step, 16);
});

test("choices, switches and texts are what their schema says", () => {
  assert.deepEqual(readControl("gaze", { enum: ["a", "b"], type: "string" }).choices, ["a", "b"]);
  assert.equal(readControl("gate", { type: "boolean", default: true }).kind, "switch");
  assert.equal(readControl("prompt", { type: "string", maxLength: 20 }).maxLength, 20);
});

test("a control without words is described by its schema", () => {
  assert.equal(readControl("x", { type: "boolean", description: "Does x." }).hint, "Does x.");
});

test("what was not set has its default", () => {
  assert.deepEqual(valuesOf(ENGINE, { "flux.steps": 4, "mesh.shape": 1 }), { strength: 0.75, steps: 4 });
});

test("what a preset does not name has its default", () => {
  assert.deepEqual(valuesUnder(ENGINE, "quick"), { strength: 0.75, steps: 12 });
});

test("settings are recognised as the preset they are", () => {
  assert.equal(presetOf(ENGINE, {}), "balanced");
  assert.equal(presetOf(ENGINE, { "flux.steps": 12 }), "quick");
  assert.equal(presetOf(ENGINE, { "flux.steps": 13 }), "own");
});

test("of masks any number may be taken, and no masks is no setting of one's own", () => {
  const masks = { type: "array", items: { enum: ["bisenet", "xseg"] }, default: [], control: "advanced" };
  const engine = readEngine({ ...SERVED, options: { masks } });
  assert.deepEqual([engine.controls[0].kind, engine.controls[0].choices], ["several", ["bisenet", "xseg"]]);
  assert.equal(presetOf(engine, { "flux.masks": [] }), "balanced");
  assert.equal(presetOf(engine, { "flux.masks": ["xseg"] }), "own");
});

test("a mask that was taken and is installed no more is not asked for", () => {
  const masks = { type: "array", items: { enum: ["bisenet"] }, default: [], control: "advanced" };
  const engine = readEngine({ ...SERVED, options: { masks } });
  assert.deepEqual(valuesOf(engine, { "flux.masks": ["xseg", "bisenet"] }), { masks: ["bisenet"] });
});

const ready = (name, options, experimental = false) =>
  readEngine({ ...SERVED, name, state: "ready", experimental, options });

test("a choice is left open where several engines are ready, with the controls that all of them have", () => {
  const { strength, steps: detector } = SERVED.options;
  const [one, other] = [ready("mesh", { strength, detector }), ready("ghost-1", { detector })];
  assert.deepEqual(withOpenChoice([one, ENGINE]), [one, ENGINE]);
  assert.equal(withOpenChoice([one, ready("klein", {}, true)]).length, 2);
  assert.deepEqual(
    withOpenChoice([one, other])[0].controls.map(({ name }) => name),
    ["detector"],
  );
});

test("an open choice has no control that all ready engines have of their own: it would be refused", () => {
  const { strength, steps: detector } = SERVED.options;
  const [open] = withOpenChoice(["mesh", "ghost-1"].map((name) => ready(name, { strength, detector })));
  assert.deepEqual(Object.keys(valuesOf(open, {})), ["detector"]);
});

test("the open choice needs what the picked engine needs: no memory and no fit of its own", () => {
  const [open] = withOpenChoice([ready("mesh", {}), ready("ghost-1", {})]);
  assert.deepEqual([open.name, open.ready, open.memoryBytes, open.need], ["auto", true, undefined, undefined]);
});

test("a job's options become the settings that they came of", () => {
  const settings = {
    seed: 3,
    restore: 0.5,
    format: "png",
    quality: 0,
    fallback: true,
    "flux.steps": 12,
    "flux.strength": 0.75,
  };
  const options = optionsOf(settings, "flux", ENGINE);
  assert.deepEqual(options, {
    engine: "flux",
    seed: 3,
    restore: 0.5,
    format: "png",
    fallback: true,
    steps: 12,
    strength: 0.75,
  });
  assert.deepEqual(settingsFrom(options, false), { engine: "flux", ...settings });
});

test("a clip's options are those that change anything in its format, and a job gives them back", () => {
  const control = (name, value) => ({ name, value });
  const controls = [control("format", "mp4"), control("encoder", "auto"), control("quality", 70)];
  assert.deepEqual(clipOptionsOf({}, controls), { format: "mp4", encoder: "auto", quality: 70 });
  assert.deepEqual(clipOptionsOf({ "clip.format": "webp", "clip.encoder": "av1" }, controls), {
    format: "webp",
    quality: 70,
  });
  assert.deepEqual(clipOptionsOf({ "clip.format": "gif" }, controls), { format: "gif" });
  const settings = settingsFrom({ engine: "mesh", format: "gif", gaze: "target" }, true);
  assert.deepEqual(settings, { engine: "mesh", seed: 0, restore: 0, "mesh.gaze": "target", "clip.format": "gif" });
});

test("a clip is offered no control, and sent no option, that only a picture takes", () => {
  const shared = { restorer: { type: "string", enum: ["vivid", "gpen"], default: "vivid", control: "advanced" } };
  const engine = readEngine({ ...SERVED, options: { ...SERVED.options, ...shared } });
  const names = (clip) => controlsFor(engine, clip).map(({ name }) => name);
  assert.deepEqual(names(false), ["strength", "steps", "restorer"]);
  assert.deepEqual(names(true), ["strength", "steps"]);
  assert.deepEqual(controlsFor(undefined, true), []);
  const asked = { engine: "flux", seed: 1, restore: 0.5, restorer: "gpen", format: "png", quality: 90, fallback: true };
  assert.deepEqual(withoutPictures({ ...asked, steps: 12 }), { engine: "flux", seed: 1, restore: 0, steps: 12 });
});
