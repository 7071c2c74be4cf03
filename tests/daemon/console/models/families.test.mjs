// Which engines stand on one card, and which cards are seen at once.
import assert from "node:assert/strict";
import test from "node:test";

import { listFamilies } from "../../../../daemon/mien_daemon/console/models/families.js";

/** A list in which every engine is missing but those that are named. */
function listWith(names, { ready = [], underWay = [] } = {}) {
  const state = (name) => (ready.includes(name) ? "ready" : "models-missing");
  const engines = new Map(names.map((name) => [name, { name, state: state(name), fits: "yes" }]));
  return /** @type {any} */ ({
    engines,
    workOn: (name) => (underWay.includes(name) ? { state: "running" } : undefined),
  });
}

const NAMES = ["mesh", "flux", "hyperswap-1b", "hyperswap-1a", "ghost-1", "ghost-2", "uniface"];
const said = (families) => families.map(({ family, names }) => [family, ...names].join(" "));

test("variants of one network are one family, in the order of their names", () => {
  const { first, others } = listFamilies(listWith(NAMES, { ready: ["mesh"] }));
  assert.deepEqual(said(first), ["mesh mesh", "flux flux"]);
  assert.deepEqual(said(others), ["hyperswap hyperswap-1a hyperswap-1b", "ghost ghost-1 ghost-2", "uniface uniface"]);
});

test("a family of which one is here or on its way is seen at once", () => {
  const { first, others } = listFamilies(listWith(NAMES, { ready: ["mesh", "ghost-2"], underWay: ["uniface"] }));
  assert.deepEqual(said(first), ["mesh mesh", "ghost ghost-1 ghost-2", "flux flux", "uniface uniface"]);
  assert.deepEqual(said(others), ["hyperswap hyperswap-1a hyperswap-1b"]);
});
