// Why an engine was picked where that was left open, and which others were tried, in words.
import { engineWords } from "../swap/option-words.js";
import { number, t } from "../words.js";

const figure = (value) => number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** The sentences of a report's `choice`. @returns {string[]} */
export function choiceWords(choice) {
  const [first, ...others] = choice.tried;
  const engine = engineWords(first.engine);
  const said = [t(`choice_${choice.why.replaceAll("-", "_")}`, { engine })];
  if (choice.measured && first.engine === choice.engine) {
    const { likeness, naturalness, n } = choice.measured;
    said.push(t("choice_figures", { likeness: figure(likeness), naturalness: figure(naturalness), cases: n }));
  }
  if (choice.not_measured.length)
    said.push(t("choice_not_measured", { engines: choice.not_measured.map(engineWords).join(", ") }));
  if (others.length) said.push(t("choice_tried", { tried: choice.tried.map(triedWords).join(", ") }));
  return said;
}

function triedWords({ engine, outcome }) {
  return `${engineWords(engine)} (${t(`tried_${outcome.replaceAll("-", "_")}`)})`;
}
