// The people of the library: asked for once as the page starts, again for each change and each return of the daemon.
import assert from "node:assert/strict";
import { test } from "node:test";

import { People } from "../../../daemon/mien_daemon/console/people.js";
import { Problem } from "../../../daemon/mien_daemon/console/problem.js";

test("people have their names and records once they were loaded", async () => {
  const people = new People(
    { get: async () => ({ references: [{ id: "a", name: "Ann", usable: true }] }) },
    new EventTarget(),
  );
  await people.load();
  assert.equal(people.names.get("a"), "Ann");
  assert.deepEqual(people.records, [{ id: "a", name: "Ann", usable: true }]);
});

test("what a view has asked for is not asked for again before the daemon was away", async () => {
  const events = new EventTarget();
  let asked = 0;
  const people = new People({ get: async () => ((asked += 1), { references: [] }) }, events);
  const hear = (...told) => told.forEach((name) => events.dispatchEvent(new Event(name)));
  await people.load();
  hear("up");
  assert.equal(asked, 1);
  hear("down", "up");
  assert.equal(asked, 2);
  await people.load();
  assert.equal(asked, 3);
});

test("where no view has asked, the daemon's first sign of life does", async () => {
  const events = new EventTarget();
  const people = new People({ get: async () => ({ references: [{ id: "a", name: "Ann", usable: true }] }) }, events);
  const loaded = new Promise((resolve) => people.addEventListener("change", resolve, { once: true }));
  events.dispatchEvent(new Event("up"));
  await loaded;
  assert.equal(people.names.get("a"), "Ann");
});

test("while the library cannot be opened there is nobody", async () => {
  const people = new People({ get: () => Promise.reject(new Problem({ code: "key-unavailable" })) }, new EventTarget());
  await people.load();
  assert.deepEqual([people.records, people.names.size], [[], 0]);
});
