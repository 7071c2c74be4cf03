// Groups are counted by the daemon, asked for again when a job of one changes, and not at every event.
import assert from "node:assert/strict";
import test from "node:test";

import { GroupList } from "../../../daemon/mien_daemon/console/group-list.js";

function listWith(api) {
  const events = new EventTarget();
  const waiting = [];
  const list = new GroupList(api, events, (work) => waiting.push(work));
  const tell = (detail) => events.dispatchEvent(Object.assign(new Event("on:job"), { detail }));
  return { list, tell, waiting };
}

test("many events of a group ask once, and those of other jobs not at all", async () => {
  let asked = 0;
  const { list, tell, waiting } = listWith({ get: async () => ({ groups: [{ group: "g", done: (asked += 1) }] }) });
  tell({ id: "a", group: null });
  for (const id of ["b", "c", "d"]) tell({ id, group: "g" });
  assert.equal(waiting.length, 1);
  const changed = new Promise((resolve) => list.addEventListener("change", resolve));
  waiting[0]();
  await changed;
  assert.deepEqual([asked, list.all], [1, [{ group: "g", done: 1 }]]);
  tell({ id: "b", group: "g" });
  assert.equal(waiting.length, 2);
});

test("a name is a part of the address, whatever it holds", async () => {
  const posted = [];
  const { list } = listWith({ post: async (path) => posted.push(path), get: async () => ({ groups: [] }) });
  await list.post("Ferien 2026 · é", "cancel");
  assert.deepEqual(posted, ["/v1/groups/Ferien%202026%20%C2%B7%20%C3%A9/cancel"]);
});
