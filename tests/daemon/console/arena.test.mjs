// What a person found better is remembered once for a pair, counted by engine or setting, and forgotten at a word.
import assert from "node:assert/strict";
import test from "node:test";

import { Arena, contestants } from "../../../daemon/mien_daemon/console/arena.js";

function storage() {
  const kept = new Map();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
}

const job = (id, engine, options = {}) => ({ id, options: { engine, ...options }, result: { engine } });
const MESH = job("a", "mesh");
const GHOST = job("b", "ghost-1");
const score = ({ contestant, won, same, of }) => [contestant.engine, won, same, of];

test("two engines are told apart by their names alone", () => {
  assert.deepEqual(contestants(job("a", "mesh", { shape: 0.2 }), GHOST), [
    { engine: "mesh", settings: {} },
    { engine: "ghost-1", settings: {} },
  ]);
});

test("an engine that was picked stands for itself, not for the open choice", () => {
  const open = { id: "c", options: { engine: "auto" }, result: { engine: "mesh" } };
  assert.equal(contestants(open, GHOST)[0].engine, "mesh");
});

test("two settings of one engine are told apart by what differs, but not by seed, faces or format", () => {
  const one = job("a", "mesh", { shape: 0.2, gaze: "target", seed: 1, masks: ["bisenet"], format: "png" });
  const other = job("b", "mesh", { shape: 1, gaze: "target", seed: 2, masks: [], format: "jpeg" });
  assert.deepEqual(
    contestants(one, other).map(({ settings }) => settings),
    [
      { masks: ["bisenet"], shape: 0.2 },
      { masks: [], shape: 1 },
    ],
  );
});

test("an option that one of two jobs was not given is no difference: it may be the default", () => {
  const [asked, bare] = [job("a", "mesh", { shape: 0.5, gaze: "target" }), job("b", "mesh", { gaze: "target" })];
  for (const pair of [contestants(asked, bare), contestants(bare, asked)]) assert.deepEqual(pair[0], pair[1]);
});

test("a person's own words are not kept, and make no contestant", () => {
  const kept = storage();
  const one = job("a", "flux", { prompt: "Ann at the lake", negative_prompt: "a hat", steps: 20 });
  const other = job("b", "flux", { prompt: "Ann", negative_prompt: "", steps: 30 });
  new Arena(kept).choose(one, other, "one");
  assert.deepEqual(
    contestants(one, other).map(({ settings }) => settings),
    [{ steps: 20 }, { steps: 30 }],
  );
  assert.doesNotMatch([...kept.kept.values()][0], /prompt|Ann|hat/);
});

test("choices are counted, and a second one about the same results takes the place of the first", () => {
  const arena = new Arena(storage());
  assert.deepEqual(arena.tally(), []);
  arena.choose(MESH, GHOST, "one");
  assert.equal(arena.chosen(MESH, GHOST), "one");
  arena.choose(MESH, GHOST, "other");
  arena.choose(job("c", "mesh"), job("d", "ghost-1"), "other");
  arena.choose(job("e", "mesh"), job("f", "ghost-1"), "same");
  assert.deepEqual(arena.tally().map(score), [
    ["ghost-1", 2, 1, 3],
    ["mesh", 0, 1, 3],
  ]);
});

test("a choice is the same whichever result comes first", () => {
  const arena = new Arena(storage());
  arena.choose(GHOST, MESH, "one");
  assert.deepEqual([arena.chosen(GHOST, MESH), arena.chosen(MESH, GHOST)], ["one", "other"]);
  assert.deepEqual(arena.tally().map(score), [
    ["ghost-1", 1, 0, 1],
    ["mesh", 0, 0, 1],
  ]);
});

test("nothing is kept but who was compared and what was chosen", () => {
  const kept = storage();
  new Arena(kept).choose({ ...MESH, label: { target: "holiday.jpg" }, target: "sha256:0f" }, GHOST, "one");
  assert.deepEqual(JSON.parse([...kept.kept.values()][0]), [
    { id: "a b", one: { engine: "mesh", settings: {} }, other: { engine: "ghost-1", settings: {} }, better: "one" },
  ]);
});

test("all is forgotten at a word", () => {
  const kept = storage();
  const arena = new Arena(kept);
  arena.choose(MESH, GHOST, "one");
  arena.forget();
  assert.equal(kept.kept.size, 0);
  assert.equal(arena.chosen(MESH, GHOST), null);
});
