// The settings of each engine as controls: names, bounds and defaults are those of the API's options.
export const CONTROLS = {
  mesh: [
    { name: "shape", min: 0, max: 1, step: 0.05, value: 0.7 },
    { name: "gaze", choices: ["target", "reference"], value: "target", advanced: true },
  ],
  inswapper: [],
  flux: [
    { name: "strength", min: 0.05, max: 1, step: 0.05, value: 0.75 },
    { name: "base", choices: ["dev", "schnell", "fill"], value: "dev", advanced: true },
    { name: "prompt", text: 2000, value: "", advanced: true },
    { name: "negative_prompt", text: 2000, value: "", advanced: true },
    { name: "id_weight", min: 0, max: 3, step: 0.05, value: 0.8, advanced: true },
    { name: "ip_adapter_scale", min: 0, max: 3, step: 0.05, value: 0.4, advanced: true },
    { name: "controlnet_conditioning_scale", min: 0, max: 3, step: 0.05, value: 0.7, advanced: true },
    { name: "steps", min: 1, max: 100, step: 1, value: 28, advanced: true },
    { name: "guidance_scale", min: 0, max: 50, step: 0.1, value: 3.5, advanced: true },
    { name: "true_cfg_scale", min: 1, max: 20, step: 0.1, value: 1, advanced: true },
  ],
};

export const DEFAULTS = Object.fromEntries(
  Object.entries(CONTROLS).map(([engine, controls]) => [
    engine,
    Object.fromEntries(controls.map(({ name, value }) => [name, value])),
  ]),
);

/** Starting points for the advanced drawer; what they do not name goes back to its default. */
export const PRESETS = {
  mesh: { balanced: {}, likeness: { shape: 1 }, gentle: { shape: 0.4 } },
  inswapper: { balanced: {} },
  flux: {
    balanced: {},
    likeness: { strength: 0.85, id_weight: 1.1, ip_adapter_scale: 0.6, controlnet_conditioning_scale: 0.8 },
    gentle: { strength: 0.55, id_weight: 0.7, ip_adapter_scale: 0.3 },
    quick: { steps: 12 },
  },
};

/** Which preset the settings are, if they are one. */
export function presetOf(engine, settings) {
  const same = ([, values]) =>
    Object.entries(DEFAULTS[engine]).every(([name, value]) => (settings[name] ?? value) === (values[name] ?? value));
  return Object.entries(PRESETS[engine]).find(same)?.[0] ?? "own";
}
