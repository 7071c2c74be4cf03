// What the page asks carries its session; a refusal is a problem, a silent daemon as well.
import assert from "node:assert/strict";
import test from "node:test";

import { Api } from "../../../daemon/mien_daemon/console/api.js";

function apiThat(answer) {
  const asked = [];
  const session = {
    token: "secret",
    ended: 0,
    renewals: 0,
    end: () => (session.ended += 1),
    renew: async () => session.renewals-- > 0 && Boolean((session.token = "renewed")),
  };
  const fetch = async (path, init) => {
    asked.push({ path, ...init });
    return answer(path, init);
  };
  return { api: new Api(fetch, session), asked, session };
}

const json = (body, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });

test("every request carries the session's token and no cookies", async () => {
  const { api, asked } = apiThat(() => json({ fine: true }));
  assert.deepEqual(await api.get("/v1/health"), { fine: true });
  assert.equal(asked[0].headers.Authorization, "Bearer secret");
  assert.deepEqual([asked[0].credentials, asked[0].cache], ["omit", "no-store"]);
});

test("a request waits until the session is opened; where none could be, nothing is asked", async () => {
  const { api, asked, session } = apiThat(() => json({}));
  session.token = undefined;
  session.opening = Promise.resolve().then(() => Boolean((session.token = "late")));
  await api.get("/v1/health");
  assert.equal(asked[0].headers.Authorization, "Bearer late");
  session.opening = Promise.resolve(false);
  await assert.rejects(api.get("/v1/health"), { code: "unpaired" });
  assert.equal(asked.length, 1);
});

test("a body is JSON and says so; without one nothing is said", async () => {
  const { api, asked } = apiThat(() => json({}));
  await api.post("/v1/jobs", { kind: "swap" });
  await api.post("/v1/jobs/a/cancel");
  assert.equal(asked[0].body, '{"kind":"swap"}');
  assert.equal(asked[0].headers["Content-Type"], "application/json");
  assert.equal(asked[1].body, undefined);
  assert.equal(asked[1].headers["Content-Type"], undefined);
});

test("an answer without a document is null", async () => {
  const { api } = apiThat(() => new Response(null, { status: 204 }));
  assert.equal(await api.delete("/v1/jobs/a"), null);
});

test("a refusal is thrown as the problem it is", async () => {
  const { api } = apiThat(() => json({ code: "queue-full", detail: "8 jobs wait" }, 429));
  await assert.rejects(api.post("/v1/jobs", {}), { code: "queue-full", message: "8 jobs wait" });
});

test("a refusal that is no document is an internal error", async () => {
  const { api } = apiThat(() => new Response("<h1>oh</h1>", { status: 500 }));
  await assert.rejects(api.get("/v1/health"), { code: "internal-error" });
});

test("a daemon that does not answer is a problem too, but an aborted request stays aborted", async () => {
  const silent = apiThat(() => {
    throw new TypeError("Failed to fetch");
  });
  await assert.rejects(silent.api.get("/v1/health"), { code: "daemon-unreachable" });
  const aborted = apiThat(() => {
    throw new DOMException("", "AbortError");
  });
  await assert.rejects(aborted.api.get("/v1/health"), { name: "AbortError" });
});

test("an answer that breaks off has not come", async () => {
  const broken = () => new ReadableStream({ pull: (to) => to.error(new TypeError("network error")) });
  const headers = { "Content-Type": "application/json" };
  const { api } = apiThat(() => new Response(broken(), { headers }));
  await assert.rejects(api.get("/v1/jobs"), { code: "daemon-unreachable" });
  await assert.rejects(api.blob("/v1/jobs/a/result"), { code: "daemon-unreachable" });
});

test("a token that the daemon no longer takes ends the session", async () => {
  const { api, session } = apiThat(() => json({ code: "unpaired" }, 401));
  await assert.rejects(api.get("/v1/jobs"), { code: "unpaired" });
  assert.equal(session.ended, 1);
});

test("a session that has lapsed is opened anew, once, and the request goes on", async () => {
  const { api, asked, session } = apiThat((_path, { headers }) =>
    headers.Authorization === "Bearer renewed" ? json({ fine: true }) : json({ code: "unpaired" }, 401),
  );
  session.renewals = 1;
  assert.deepEqual(await api.post("/v1/jobs", { kind: "swap" }), { fine: true });
  assert.deepEqual([asked.length, asked[1].body, session.ended], [2, '{"kind":"swap"}', 0]);
  const refusing = apiThat(() => json({ code: "unpaired" }, 401));
  refusing.session.renewals = 9;
  await assert.rejects(refusing.api.get("/v1/jobs"), { code: "unpaired" });
  assert.deepEqual([refusing.asked.length, refusing.session.ended], [2, 1]);
});
