// What the list of models holds is never older than what was heard.
import assert from "node:assert/strict";
import test from "node:test";

import { ModelList } from "../../../../daemon/mien_daemon/console/models/model-list.js";
import { deferred } from "../deferred.mjs";

const settled = () => new Promise(setImmediate);
const download = (state) => ({ action: "download", name: "iris", state });
const iris = (state) => ({ name: "iris", state, needed_by: [], bundles: [] });

/** An API whose answers wait until they are given, in any order. */
function apiThatWaits() {
  /** @type {any[]} */
  const asked = [];
  const get = (path) => {
    const answer = deferred();
    asked.push({ path, give: answer.resolve });
    return answer.promise;
  };
  return { asked, get };
}

/** Answer one `load`: its two requests stand at `at`. */
async function give(asked, at, models, transfers = []) {
  asked[at].give({ models, transfers });
  asked[at + 1].give({ engines: [], machine: { kind: "cpu", memory_bytes: null } });
  await settled();
}

test("an answer that was asked for before an event changes nothing that the event told", async () => {
  const api = apiThatWaits();
  const list = new ModelList(api);
  list.load();
  await give(api.asked, 0, [iris("missing")], [download("running")]);
  list.load();
  list.hear(download("done"));
  api.asked[4].give(iris("ready"));
  await settled();
  await give(api.asked, 2, [iris("missing")], [download("running")]);
  assert.deepEqual([list.models.get("iris").state, list.transfers.get("download iris").state], ["ready", "done"]);
});

test("the answer to the last question counts, in whichever order they come", async () => {
  const api = apiThatWaits();
  const list = new ModelList(api);
  list.load();
  list.load();
  await give(api.asked, 2, [iris("ready")]);
  await give(api.asked, 0, [iris("missing")]);
  assert.equal(list.models.get("iris").state, "ready");
  list.hear(download("failed"));
  list.hear({ action: "remove", name: "iris", state: "done" });
  api.asked[5].give(iris("missing"));
  api.asked[4].give(iris("ready"));
  await settled();
  assert.equal(list.models.get("iris").state, "missing");
});

test("of what is being done for some models what runs is told, then what waits, then what failed", () => {
  const list = new ModelList(apiThatWaits());
  const models = ["failed", "queued", "running"].map((state) => ({ name: state }));
  const told = () => list.workAmong(models)?.state;
  assert.equal(told(), undefined);
  for (const { name } of models) {
    list.transfers.set(`download ${name}`, { action: "download", name, state: name });
    assert.equal(told(), name);
  }
});
