// The question which of two results is better, and how often each of the two was so far.
import { contestants, contestantWords } from "../arena.js";
import { segmented } from "../control.js";
import { fill, h } from "../element.js";
import { t } from "../words.js";

/**
 * Null where the same engine made both with the same settings.
 * @param {any} app @param {any} one a finished job @param {any} other another one of the same target
 * @param {string[]} names what the two are called where they are shown
 */
export function vote({ arena }, one, other, names = []) {
  const told = contestants(one, other).map(contestantWords);
  if (told[0] === told[1]) return null;
  const [first, second] = names[0] === names[1] ? told : names;
  const tally = h("div", { role: "status" });
  const show = () => fill(tally, arena.chosen(one, other) ? scoreList(arena, contestants(one, other)) : null);
  const choices = [
    ["one", first],
    ["same", t("arena_same")],
    ["other", second],
  ];
  const ask = segmented(t("arena_question"), choices, arena.chosen(one, other), (better) => {
    arena.choose(one, other, better);
    show();
  });
  show();
  return h("section", { class: "vote" }, h("h3", {}, t("arena_question")), ask, tally);
}

/**
 * How often each was found better; of all that were compared, or of some.
 * @param {import("../arena.js").Arena} arena
 * @param {import("../arena.js").Contestant[]} some
 */
export function scoreList(arena, some = []) {
  const wanted = new Set(some.map((each) => JSON.stringify(each)));
  const scores = arena.tally().filter(({ contestant }) => !some.length || wanted.has(JSON.stringify(contestant)));
  return h(
    "ul",
    { class: "scores" },
    scores.map(({ contestant, won, same, of }) => {
      const told = t("arena_score", { won, all: of }) + (same ? ` · ${t("arena_same_count", { same })}` : "");
      return h("li", {}, h("b", {}, contestantWords(contestant)), " ", h("span", { class: "hint" }, told));
    }),
  );
}
