// With what and how strongly: the engine, its settings, and the drawer of the finer ones.
import { button, iconButton, select, segmented, slider, field } from "../control.js";
import { fill, h } from "../element.js";
import { number, percent, t } from "../words.js";
import { optionWords } from "./option-words.js";
import { CONTROLS, DEFAULTS, PRESETS, presetOf } from "./engines.js";

export function enginePanel(app, signal) {
  const { draft, api } = app;
  const element = h("section", { class: "panel" }, h("h2", {}, t("engine")));
  const body = h("div", { class: "stack" });
  const state = { engines: [], built: "" };
  element.append(body);
  const show = () => {
    state.preset?.refresh();
    const key = JSON.stringify([draft.options.engine, draft.options.versus, state.engines.length, state.turn]);
    if (key === state.built) return;
    state.built = key;
    fill(body, engineChoice(app, state.engines), settings(app, state, rebuild));
  };
  const rebuild = () => {
    state.turn = (state.turn ?? 0) + 1;
    show();
  };
  api.get("/v1/engines", { signal }).then(({ engines }) => {
    state.engines = engines.map((engine) => ({ ...engine, ready: engine.state === "ready" }));
    app.engines = engines;
    if (!signal.aborted) draft.changed();
  }, ignoreRefusal);
  return { element, show };
}

function ignoreRefusal(error) {
  if (!error.document && error.name !== "AbortError") throw error;
}

function engineChoice({ draft }, engines) {
  const { engine, versus } = draft.options;
  const known = engines.length ? engines : [{ name: engine, ready: true }];
  const choices = known.map(({ name, ready }) => [
    name,
    ready ? t(`engine_${name}`) : t("engine_lacking", { engine: t(`engine_${name}`) }),
  ]);
  const chosen = known.find(({ name }) => name === engine);
  const others = choices.filter(([name]) => name !== engine && known.find((each) => each.name === name)?.ready);
  return [
    named(
      field(
        t("engine"),
        select(choices, engine, (name) => draft.set({ engine: name, versus: "" })),
        t(`engine_${engine}_hint`),
      ),
    ),
    chosen?.ready === false
      ? h("p", { class: "caution" }, t("engine_needs_models"), " ", h("a", { href: "#/models" }, t("view_models")))
      : null,
    others.length
      ? field(
          t("compare_with"),
          select([["", t("no_comparison")], ...others], versus, (name) => draft.set({ versus: name })),
        )
      : null,
  ];
}

function settings(app, state, rebuild) {
  const { engine } = app.draft.options;
  const controls = CONTROLS[engine] ?? [];
  return [
    controls.filter(({ advanced }) => !advanced).map((control) => controlFor(app, engine, control)),
    slider(
      t("restore"),
      { min: 0, max: 1, step: 0.05, value: app.draft.options.restore, hint: t("restore_hint"), show: percent },
      (restore) => app.draft.set({ restore }),
    ),
    drawer(
      app,
      engine,
      controls.filter(({ advanced }) => advanced),
      (state.preset = presetChoice(app, engine, rebuild)),
    ),
  ];
}

/** The panel's heading is the label already: it need not be read twice. */
function named(element) {
  element.firstElementChild.classList.add("unseen");
  return element;
}

function drawer(app, engine, controls, preset) {
  const details = h("details", {
    class: "drawer",
    open: app.drawerOpen,
    ontoggle: () => (app.drawerOpen = details.open),
  });
  details.append(
    h("summary", {}, t("advanced")),
    preset.element,
    ...controls.map((control) => controlFor(app, engine, control)),
    seed(app.draft),
  );
  return details;
}

/** Starting points for the settings; "own" once they are none of these. */
function presetChoice({ draft }, engine, rebuild) {
  const element = h("div", {});
  const presets = Object.keys(PRESETS[engine] ?? {});
  let shown = null;
  const refresh = () => {
    const own = Object.fromEntries(
      Object.keys(DEFAULTS[engine] ?? {}).map((name) => [name, draft.options[`${engine}.${name}`]]),
    );
    const preset = presetOf(engine, own);
    if (preset === shown || presets.length < 2) return;
    shown = preset;
    const names = preset === "own" ? [...presets, "own"] : presets;
    fill(
      element,
      segmented(
        t("preset"),
        names.map((name) => [name, t(`preset_${name}`)]),
        preset,
        use,
      ),
    );
  };
  refresh();
  return { element, refresh };

  function use(name) {
    const values = { ...DEFAULTS[engine], ...PRESETS[engine][name] };
    draft.set(Object.fromEntries(Object.entries(values).map(([key, value]) => [`${engine}.${key}`, value])));
    rebuild();
  }
}

function controlFor({ draft }, engine, { name, choices, text, value, ...bounds }) {
  const key = `${engine}.${name}`;
  const current = draft.options[key] ?? value;
  const set = (chosen) => draft.set({ [key]: chosen });
  if (text) {
    const input = h("textarea", { rows: 2, maxlength: text, value: current, onchange: () => set(input.value) });
    return field(t(`option_${name}`), input, t(`option_${name}_hint`));
  }
  if (choices)
    return h(
      "div",
      { class: "field" },
      h("span", { class: "label" }, t(`option_${name}`)),
      segmented(
        t(`option_${name}`),
        choices.map((choice) => [choice, optionWords(name, choice)]),
        current,
        set,
      ),
    );
  const show = bounds.max === 1 ? percent : (shown) => number(shown);
  return slider(t(`option_${name}`), { ...bounds, value: current, hint: t(`option_${name}_hint`), show }, set);
}

function seed(draft) {
  const input = h("input", { type: "number", min: 0, step: 1, value: draft.options.seed, inputmode: "numeric" });
  const set = (value) => {
    input.value = value;
    draft.set({ seed: Math.max(0, Math.trunc(value) || 0) });
  };
  input.addEventListener("change", () => set(input.value));
  const roll = iconButton("dice", t("random_seed"), () => set(crypto.getRandomValues(new Uint32Array(1))[0]));
  const labelled = field(t("seed"), input, t("seed_hint"));
  input.after(roll);
  labelled.classList.add("with-button");
  return labelled;
}
