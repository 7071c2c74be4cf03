// What a result was made with, as far as it says anything: the engine, and every option that is not as it usually is.
import { engineWords, optionName, optionWords } from "../swap/option-words.js";

/** What options are that no schema names. */
const USUAL = { seed: 0, restore: 0, format: null, quality: null, fallback: false, faces: "largest" };

/**
 * `[name, words]` pairs, the engine first.
 * @param {any} job  one that is done
 * @param {{ engines: any[], clips: Record<string, any> } | null} known  as `GET /v1/engines` tells
 * @returns {[string, string][]}
 */
export function madeWith({ options, result }, known) {
  const { engine: asked, ...given } = options;
  const engine = result.engine ?? asked;
  const words = engine === asked || !asked ? engineWords(engine) : `${engineWords(engine)} (${engineWords(asked)})`;
  const schemas = {
    ...(result.video ? known?.clips : {}),
    ...known?.engines.find(({ name }) => name === engine)?.options,
  };
  const unusual = Object.entries(given).filter(
    ([name, value]) => !isUsual(name, value, schemas) && !(name === "faces" && tookAll(value, result)),
  );
  return [
    [optionName("engine"), words],
    ...unusual.map(([name, value]) => /** @type {[string, string]} */ ([optionName(name), optionWords(name, value)])),
  ];
}

function isUsual(name, value, schemas) {
  const usual = name in schemas ? schemas[name].default : USUAL[name];
  return JSON.stringify(value ?? null) === JSON.stringify(usual ?? null);
}

/** Whether there was no other face that might have been chosen. */
function tookAll(chosen, { faces = [] }) {
  return chosen === "all" ? faces.length < 2 : Array.isArray(chosen) && chosen.length >= faces.length;
}
