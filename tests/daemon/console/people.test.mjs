// The people of the library: one answer serves who asks while it is on its way, and each change is asked for anew.
import assert from "node:assert/strict";
import { test } from "node:test";

import { People } from "../../../daemon/mien_daemon/console/people.js";
import { Problem } from "../../../daemon/mien_daemon/console/problem.js";

test("people have their names and records once they were loaded", async () => {
  const people = new People({ get: async () => ({ references: [{ id: "a", name: "Ann", usable: true }] }) });
  await people.load();
  assert.equal(people.names.get("a"), "Ann");
  assert.deepEqual(people.records, [{ id: "a", name: "Ann", usable: true }]);
});

test("the answer that is on its way can be waited for, until it has come", async () => {
  const answers = [];
  const people = new People({ get: () => new Promise((resolve) => answers.push(resolve)) });
  const [first, second] = [people.load(), people.load()];
  assert.equal(people.coming, second);
  answers[0]({ references: [] });
  await first;
  assert.equal(people.coming, second);
  answers[1]({ references: [] });
  await second;
  assert.equal(people.coming, null);
});

test("while the library cannot be opened there is nobody", async () => {
  const people = new People({ get: () => Promise.reject(new Problem({ code: "key-unavailable" })) });
  await people.load();
  assert.deepEqual([people.records, people.names.size, people.coming], [[], 0, null]);
});
