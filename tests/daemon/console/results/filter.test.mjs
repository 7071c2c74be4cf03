// Results by day, and found by face, file, engine, warning and star.
import assert from "node:assert/strict";
import test from "node:test";

import * as filter from "../../../../daemon/mien_daemon/console/results/filter.js";

const face = (changes = {}) => ({ index: 0, swapped: true, verdict: "clear", warnings: [], faults: [], ...changes });
const job = (id, changes = {}) => ({
  id,
  state: "done",
  kind: "swap",
  references: [["ref:e1"]],
  options: {},
  label: { target: "Été à Nice.jpg", references: [null] },
  finished_at: "2026-08-14T12:00:00Z",
  expires_at: "2999-01-01T00:00:00Z",
  result: { engine: "mesh", faces: [face()] },
  ...changes,
});
const PEOPLE = new Map([["e1", "Eileen"]]);
const found = (jobs, changes) =>
  jobs.filter((each) => filter.matches(each, { ...filter.everything(), ...changes }, PEOPLE)).map(({ id }) => id);

test("every word is looked for in face and file, without case and accents", () => {
  for (const words of ["eileen", "ETE nice", " Eileen ete ", ""]) assert.deepEqual(found([job("a")], { words }), ["a"]);
  assert.deepEqual(found([job("a")], { words: "eileen paris" }), []);
});

test("engines and warnings narrow, each by any of those chosen, and a star alone", () => {
  const dark = job("dark", { result: { engine: "flux", faces: [face({ warnings: ["low-light"] })] } });
  const other = job("other", { starred: true, result: { engine: "mesh", faces: [face({ verdict: "not" })] } });
  const all = [job("plain"), dark, other];
  assert.deepEqual(found(all, { engines: new Set(["flux"]) }), ["dark"]);
  assert.deepEqual(found(all, { warnings: new Set(["low-light", "weak-identity"]) }), ["dark", "other"]);
  assert.deepEqual(found(all, { starred: true }), ["other"]);
  assert.deepEqual(filter.tally(all, filter.cautionsOf), [
    ["low-light", 1],
    ["weak-identity", 1],
  ]);
});

test("a person of the library is found by who they are, in one picture or several", () => {
  const both = job("both", { references: [["sha256:0"], ["ref:e2/p1", "ref:e2/p2"]] });
  const all = [job("hers"), both, job("namesake", { references: [["ref:e11"]] })];
  assert.deepEqual(found(all, { person: "e1" }), ["hers"]);
  assert.deepEqual(found(all, { person: "e2" }), ["both"]);
});

test("the latest is first, in the day on which it was finished here", () => {
  const at = (hours) => new Date(2026, 7, 14, hours).toISOString();
  const jobs = [
    job("early", { finished_at: at(1) }),
    job("late", { finished_at: at(23) }),
    job("next", { finished_at: at(25) }),
  ];
  const days = filter.byDay(filter.keptOf(jobs)).map(({ day, jobs: some }) => [day, some.map(({ id }) => id)]);
  assert.deepEqual(days, [
    ["2026-08-15", ["next"]],
    ["2026-08-14", ["late", "early"]],
  ]);
});

test("a result with a star is kept without an end", () => {
  assert.equal(
    filter.keptOf([job("a", { starred: true, expires_at: null }), job("b", { expires_at: null })]).length,
    1,
  );
});
