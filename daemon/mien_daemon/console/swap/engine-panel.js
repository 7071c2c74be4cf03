// With what and how strongly: the engine, its settings, and the drawer of the finer ones.
import { checkbox, iconButton, select, slider, field } from "../control.js";
import { fill, h } from "../element.js";
import { percent, t } from "../words.js";
import { listRivals } from "./contestants.js";
import { engineChoice } from "./engine-choice.js";
import { AUTO, controlsFor, readControls, readEngine, withOpenChoice } from "./engines.js";
import { optionControl } from "./option-control.js";
import { presetChoice } from "./preset-choice.js";
import { refillControls } from "./refill-controls.js";
import { writing } from "./writing.js";

export function enginePanel(app, signal) {
  const { draft, api, jobs } = app;
  const element = h("section", { class: "panel" }, h("h2", {}, t("engine")));
  const body = h("div", { class: "stack" });
  /**
   * @type {{
   *   engines: ReturnType<typeof engineChoice> | null, preset: ReturnType<typeof presetChoice> | null,
   *   seed: ReturnType<typeof seedField> | null, built: string, turn: number,
   * }}
   */
  const state = { engines: null, preset: null, seed: null, built: "", turn: 0 };
  element.append(body);
  const show = () => {
    state.preset?.refresh();
    state.seed?.refresh();
    const known = draft.engines.map(({ name, ready }) => [name, ready]);
    const { engine, options, history } = draft;
    const key = JSON.stringify([engine, options.versus, known, state.turn, history.undone, showsClip(draft)]);
    if (key !== state.built) {
      state.built = key;
      refillControls(body, choices(draft, state), settings(app, state, rebuild));
    }
    state.engines?.refresh(jobs.all);
  };
  const rebuild = () => {
    state.turn += 1;
    show();
  };
  jobs.addEventListener("change", show, { signal });
  const take = ({ engines, machine, clips, default_engine: usual }) => {
    draft.engines = withOpenChoice(engines.map(readEngine));
    draft.usual = draft.engineOf(usual) ? usual : "mesh";
    draft.clipControls = readControls(clips);
    draft.machine = machine;
    if (draft.options.engine === AUTO && !draft.engineOf(AUTO)) draft.options.engine = "";
    if (!signal.aborted) draft.changed();
  };
  const ask = () => api.get("/v1/engines", { signal }).then(take, ignoreRefusal);
  if (jobs.loaded) ask();
  else jobs.addEventListener("change", ask, { once: true, signal }); // the daemon thinks longest about this one
  return { element, show };
}

function ignoreRefusal(error) {
  if (!error.document && error.name !== "AbortError") throw error;
}

function choices(draft, state) {
  state.engines = engineChoice(draft);
  const { versus } = draft.options;
  const chosen = draft.engineOf(draft.engine);
  const rivals = listRivals(draft);
  return [
    state.engines.element,
    chosen?.ready === false
      ? h("p", { class: "caution" }, t("engine_needs_models"), " ", h("a", { href: "#/models" }, t("view_models")))
      : null,
    rivals.length
      ? field(
          t("compare_with"),
          select([["", t("no_comparison")], ...rivals], versus, (name) => draft.set({ versus: name })),
        )
      : null,
  ];
}

function settings(app, state, rebuild) {
  const { draft } = app;
  const engine = draft.engineOf(draft.engine);
  const [main, advanced] = [false, true].map((wanted) => optionControls(draft, engine, wanted));
  state.seed = seedField(draft);
  state.preset = engine ? presetChoice(draft, engine, rebuild) : null;
  const finer = [state.preset?.element, advanced, state.seed.element];
  if (showsClip(draft)) return [main, drawer(app, finer)];
  return [
    main,
    slider(
      t("restore"),
      { min: 0, max: 1, step: 0.05, value: draft.options.restore, hint: t("restore_hint"), show: percent },
      (restore) => draft.set({ restore }),
    ),
    draft.engineOf(AUTO)
      ? checkbox(t("fallback"), draft.options.fallback, (fallback) => draft.set({ fallback }), t("fallback_hint"))
      : null,
    drawer(app, [...finer, writing(draft)]),
  ];
}

/** Whether what is edited is a clip; a folder may hold pictures too. */
function showsClip(draft) {
  return draft.folder === null && Boolean(draft.target?.clip);
}

function optionControls(draft, engine, advanced) {
  const controls = controlsFor(engine, showsClip(draft)).filter((control) => control.advanced === advanced);
  return controls.map((control) => {
    const key = `${engine.name}.${control.name}`;
    return optionControl(control, draft.options[key] ?? control.value, (value) => draft.set({ [key]: value }));
  });
}

/** The finer settings; whether they are shown is remembered in `app`. */
function drawer(app, content) {
  const details = h("details", {
    class: "drawer",
    open: app.drawerOpen,
    ontoggle: () => (app.drawerOpen = details.open),
  });
  // The event of the drawer itself comes later: what is changed at once would be drawn in a closed one.
  const note = () => (app.drawerOpen = !details.open);
  return fill(details, h("summary", { onclick: note }, t("advanced")), content);
}

function seedField(draft) {
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
  const refresh = () => {
    if (Number(input.value) !== draft.options.seed) input.value = draft.options.seed; // a result was gone on with
  };
  return { element: labelled, refresh };
}
