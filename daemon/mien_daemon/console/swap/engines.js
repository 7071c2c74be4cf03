// Each engine's controls and presets, read from the schemas that `GET /v1/engines` serves.

/**
 * An option as a control: one of `choices`, several of them, a switch, a text, or a number with or without bounds.
 * @typedef {{
 *   name: string, kind: "choice" | "several" | "switch" | "text" | "slider" | "number", value: any, advanced: boolean,
 *   hint: string, choices?: string[], maxLength?: number, min?: number, max?: number, step?: number,
 * }} Control
 * @typedef {{
 *   name: string, summary: string, ready: boolean, experimental: boolean, seeded: boolean, memoryBytes?: number,
 *   downloadBytes: number,
 *   need?: import("../engine-fit.js").Need, controls: Control[], presets: Map<string, Record<string, any>>,
 * }} Engine
 */

/**
 * One engine of the API's answer; options without a `control` are for the command line and the API.
 * @returns {Engine}
 */
export function readEngine(told) {
  const { name, summary, state, memory_bytes: memoryBytes, download_bytes: downloadBytes, options, presets } = told;
  return {
    name,
    summary,
    ready: state === "ready",
    experimental: told.experimental === true,
    seeded: told.seeded === true,
    memoryBytes,
    downloadBytes,
    need: told,
    controls: readControls(options),
    presets: new Map(presets.map((preset) => [preset.name, preset.options])),
  };
}

export const AUTO = "auto";

/** Options of every engine that have a control: what an open choice takes beside the page's own, and no more. */
const SHARED = new Set(["restorer", "fidelity", "masks", "detector", "recogniser"]);

/**
 * The engines, and before them the choice that is left open, with the controls that all have, where several are ready.
 * @param {Engine[]} engines
 * @returns {Engine[]}
 */
export function withOpenChoice(engines) {
  const ready = engines.filter((engine) => engine.ready && !engine.experimental);
  if (ready.length < 2) return engines;
  const [first, ...others] = ready;
  const isShared = ({ name }) =>
    SHARED.has(name) && others.every(({ controls }) => controls.some((control) => control.name === name));
  const controls = first.controls.filter(isShared);
  const presets = new Map([["balanced", {}]]);
  const open = { name: AUTO, summary: "", ready: true, experimental: false, seeded: false, downloadBytes: 0 };
  return [{ ...open, controls, presets }, ...engines]; // what it needs is what the engine needs that is picked
}

/**
 * The control that fits an option's JSON schema.
 * @returns {Control}
 */
export function readControl(name, schema) {
  const { control, default: value, description = "" } = schema;
  return { name, value, advanced: control === "advanced", hint: description, ...readKind(schema) };
}

/** @returns {Pick<Control, "kind" | "choices" | "maxLength" | "min" | "max" | "step">} */
function readKind(schema) {
  if (schema.type === "array") return { kind: "several", choices: schema.items.enum };
  if (schema.enum) return { kind: "choice", choices: schema.enum };
  if (schema.type === "boolean") return { kind: "switch" };
  if (schema.type === "string") return { kind: "text", maxLength: schema.maxLength };
  const bounds = readBounds(schema);
  return { kind: bounds.min === undefined || bounds.max === undefined ? "number" : "slider", ...bounds };
}

/** An excluded bound is one step away: a slider cannot stop just beside a number. */
function readBounds(schema) {
  const step = schema.step ?? schema.multipleOf ?? (schema.type === "integer" ? 1 : 0.01);
  const { exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  const min = schema.minimum ?? (above === undefined ? undefined : above + step);
  const max = schema.maximum ?? (below === undefined ? undefined : below - step);
  return { min, max, step };
}

/** What an engine's controls are set to by `settings`, whose keys are `engine.option`. */
export function valuesOf({ name, controls }, settings) {
  return Object.fromEntries(
    controls.map((control) => [control.name, valueOf(control, settings[`${name}.${control.name}`])]),
  );
}

/** What was set, or the default. Of several, those that can still be taken: a mask may be installed no more. */
function valueOf({ kind, choices, value }, given = value) {
  return kind === "several" ? given.filter((each) => choices.includes(each)) : given;
}

/**
 * The options of a job: the engine's controls as set or by default; of an engine that is not known yet what was set.
 * @param {Record<string, any>} settings
 * @param {string} name
 * @param {Engine | undefined} engine
 */
export function optionsOf(settings, name, engine) {
  const { seed, restore, format, quality, fallback } = settings;
  /** @type {Record<string, any>} */
  const shared = { engine: name, seed, restore };
  for (const [option, value] of Object.entries({ format, quality, fallback })) if (value) shared[option] = value;
  if (engine) return { ...shared, ...valuesOf(engine, settings) };
  const own = Object.entries(settings).filter(([key]) => key.startsWith(`${name}.`));
  return { ...shared, ...Object.fromEntries(own.map(([key, value]) => [key.slice(name.length + 1), value])) };
}

/**
 * What a clip takes beside its engine's options, as a job has it. A part is the clip's own, and no setting.
 * @param {Record<string, any>} settings
 * @param {Control[]} controls
 */
export function clipOptionsOf(settings, controls) {
  const shown = clipControlsFor(settings, controls);
  return Object.fromEntries(shown.map(({ name, value }) => [name, settings[`clip.${name}`] ?? value]));
}

/** The controls of a clip that change anything in the format that is set. */
export function clipControlsFor(settings, controls) {
  const idle = IDLE[settings["clip.format"]] ?? [];
  return controls.filter(({ name }) => !idle.includes(name));
}

/** Options of an engine that a clip is refused with, or in which they change nothing. */
const OF_PICTURES = new Set(["restorer", "fidelity", "recogniser"]);

/**
 * An engine's controls that change anything in a target of this kind.
 * @param {Engine | undefined} engine
 * @param {boolean} clip
 */
export function controlsFor(engine, clip) {
  return (engine?.controls ?? []).filter(({ name }) => !clip || !OF_PICTURES.has(name));
}

/**
 * The options of a job for a clip, of those for a picture: without what a clip does not take.
 * @param {Record<string, any>} asked
 * @returns {Record<string, any>}
 */
export function withoutPictures({ format: _, quality: __, fallback: ___, ...options }) {
  return { ...Object.fromEntries(Object.entries(options).filter(([name]) => !OF_PICTURES.has(name))), restore: 0 };
}

const IDLE = { gif: ["encoder", "quality"], webp: ["encoder"] };
// By name: a job is taken up before the API has told the controls.
const OF_CLIPS = new Set(["format", "encoder", "quality", "every"]);

/** What a job asked of its engine, and of the clip that it swapped, as settings. */
function settingsOf(engine, asked) {
  const whose = (name) => (OF_CLIPS.has(name) ? "clip" : engine);
  return Object.fromEntries(Object.entries(asked).map(([name, value]) => [`${whose(name)}.${name}`, value]));
}

/**
 * The settings that a job's options came of; those of pictures alone stay as they are where it swapped a clip.
 * @param {Record<string, any>} options
 * @param {boolean} clip
 */
export function settingsFrom(options, clip) {
  const { engine, seed = 0, restore = 0, format = "", fallback = false, ...own } = options;
  const { quality = 0, ...rest } = own;
  const written = clip ? {} : { format, quality, fallback };
  const asked = clip && format ? { ...own, format } : own;
  return { engine, seed, restore, ...written, ...settingsOf(engine, clip ? asked : rest) };
}

/** The controls that a set of JSON schemas by name asks for; options without a `control` are for other programs. */
export function readControls(options) {
  return Object.entries(options)
    .filter(([, schema]) => schema.control)
    .map(([name, schema]) => readControl(name, schema));
}

/** Every control's value under a preset: what the preset does not name has its default. */
export function valuesUnder({ controls, presets }, preset) {
  const named = presets.get(preset) ?? {};
  return Object.fromEntries(controls.map(({ name, value }) => [name, named[name] ?? value]));
}

/** The preset that the settings are, or "own" when they are none. */
export function presetOf(engine, settings) {
  const values = valuesOf(engine, settings);
  const isSame = (preset) =>
    Object.entries(valuesUnder(engine, preset)).every(
      ([name, value]) => JSON.stringify(values[name]) === JSON.stringify(value),
    );
  return [...engine.presets.keys()].find(isSame) ?? "own";
}
