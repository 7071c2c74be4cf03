// Each engine's controls and presets, read from the schemas that `GET /v1/engines` serves.

/**
 * An option as a control: one of `choices`, a switch, a text, or a number with or without bounds.
 * @typedef {{
 *   name: string, kind: "choice" | "switch" | "text" | "slider" | "number", value: any, advanced: boolean,
 *   hint: string, choices?: string[], maxLength?: number, min?: number, max?: number, step?: number,
 * }} Control
 * @typedef {{
 *   name: string, summary: string, ready: boolean, memoryBytes: number, downloadBytes: number,
 *   need: import("../engine-fit.js").Need, controls: Control[], presets: Map<string, Record<string, any>>,
 * }} Engine
 */

/**
 * One engine of the API's answer; options without a `control` are for the command line and the API.
 * @returns {Engine}
 */
export function readEngine(told) {
  const { name, summary, state, memory_bytes: memoryBytes, download_bytes: downloadBytes, options, presets } = told;
  const controls = Object.entries(options)
    .filter(([, schema]) => schema.control)
    .map(([option, schema]) => readControl(option, schema));
  return {
    name,
    summary,
    ready: state === "ready",
    memoryBytes,
    downloadBytes,
    need: told,
    controls,
    presets: new Map(presets.map((preset) => [preset.name, preset.options])),
  };
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
    controls.map((control) => [control.name, settings[`${name}.${control.name}`] ?? control.value]),
  );
}

/**
 * The options of a job: the engine's controls as set or by default; of an engine that is not known yet what was set.
 * @param {Record<string, any>} settings
 * @param {string} name
 * @param {Engine | undefined} engine
 */
export function optionsOf(settings, name, engine) {
  const { seed, restore, format } = settings;
  const shared = { engine: name, seed, restore, ...(format ? { format } : {}) };
  if (engine) return { ...shared, ...valuesOf(engine, settings) };
  const own = Object.entries(settings).filter(([key]) => key.startsWith(`${name}.`));
  return { ...shared, ...Object.fromEntries(own.map(([key, value]) => [key.slice(name.length + 1), value])) };
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
    Object.entries(valuesUnder(engine, preset)).every(([name, value]) => values[name] === value);
  return [...engine.presets.keys()].find(isSame) ?? "own";
}
