// The swap of a tab that is gone is offered as long as the daemon keeps its pictures.
import assert from "node:assert/strict";
import test from "node:test";

import { Draft } from "../../../../daemon/mien_daemon/console/swap/draft.js";
import {
  forgetPeople,
  forgetSession,
  keepSession,
  KEPT_MS,
  lastSession,
  nameKept,
} from "../../../../daemon/mien_daemon/console/swap/session.js";

function storage(kept = {}) {
  return {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => (kept[key] = value),
    removeItem: (key) => delete kept[key],
  };
}
const KEPT = { targets: [{ name: "a.png", digest: "sha256:a" }], references: [], current: 0 };

test("it is kept for an hour, and until it is forgotten", () => {
  const held = storage();
  keepSession(held, KEPT, 1000);
  assert.deepEqual(lastSession(held, 1000 + KEPT_MS - 1), KEPT);
  assert.equal(lastSession(held, 1000 + KEPT_MS), null);
  assert.equal(lastSession(held, 1000), null, "what is older is removed");
  keepSession(held, KEPT, 1000);
  forgetSession(held);
  assert.equal(lastSession(held, 1000), null);
});

test("a draft without anything does not take its place", () => {
  const held = storage();
  keepSession(held, KEPT, 1000);
  keepSession(held, { targets: [] }, 2000);
  assert.deepEqual(lastSession(held, 2000), KEPT);
});

test("a new tab goes on with it when a person asks, and a tab that has its own is offered none", () => {
  const remembered = storage();
  const before = new Draft({}, storage(), remembered);
  before.targets.push({ name: "a.png", digest: "sha256:a", assignments: { 0: "ref:x" } });
  before.useReference({ key: "ref:x", name: "Ann" });
  const after = new Draft({}, storage(), remembered);
  assert.deepEqual([after.targets, after.last.targets[0].name], [[], "a.png"]);
  assert.doesNotMatch(remembered.getItem("mien.last-swap"), /Ann/);
  after.resume(new Map([["x", "Ann"]]));
  assert.deepEqual([after.target.assignments, after.people[0].name, after.last], [{ 0: "ref:x" }, "Ann", null]);
});

test("people of the library are named by the library alone, others by their file", () => {
  const kept = {
    references: [
      { key: "ref:x", name: "" },
      { key: "sha256:b", name: "b.png" },
    ],
  };
  const named = (names) => nameKept(kept, names).references.map(({ name }) => name);
  assert.deepEqual(
    [named(new Map([["x", "Ann"]])), named(new Map())],
    [
      ["Ann", "b.png"],
      ["", "b.png"],
    ],
  );
});

test("who was withdrawn is in no tab's way back", () => {
  const remembered = storage();
  const draft = new Draft({}, storage(), remembered);
  draft.targets.push({ name: "a.png", digest: "sha256:a", assignments: { 0: "ref:x" } });
  draft.choose({ key: "ref:x", name: "Ann" });
  draft.last = lastSession(remembered);
  forgetPeople(draft, ["ref:x"]);
  assert.deepEqual([draft.references, draft.target.assignments, draft.last], [[], {}, null]);
  assert.deepEqual([draft.history.isEmpty, lastSession(remembered)], [true, null]);
});
