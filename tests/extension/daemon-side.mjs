// The daemon's half of the handshake, in JavaScript, for tests of the browser's half.
import { fakeFetch } from "./fakes.mjs";

const handshake = await import("../../extension/src/handshake.js");
const { fromText, toText } = handshake;

async function hmacKey(seed) {
  return crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

function labelled(...fields) {
  const parts = fields.map((field) => (typeof field === "string" ? Buffer.from(field) : Buffer.from(field)));
  return Buffer.concat(parts.flatMap((part) => [Buffer.from([0, 0, part.length >> 8, part.length & 255]), part]));
}

const mac = async (key, ...fields) => toText(await crypto.subtle.sign("HMAC", key, labelled(...fields)));

/** A daemon that pairs and opens sessions; `says` may change what it does. */
export async function fakeDaemon({
  port = 6436,
  states = ["approved"],
  confirms = true,
  knowsKey = true,
  watched = true,
} = {}) {
  const keyPair = await handshake.newKeyPair();
  const point = await handshake.publicPoint(keyPair);
  const daemonNonce = handshake.nonce();
  const heard = { digits: null, key: null, commitment: null };
  let begun = null;

  const steps = {
    async reveal({ public_key: clientPoint, nonce }) {
      const spoken = { ...begun, port, clientPoint: fromText(clientPoint), clientNonce: fromText(nonce) };
      const commitment = toText(await handshake.commitment(spoken.clientPoint, spoken.clientNonce));
      if (commitment !== heard.commitment) return { status: 400, json: { code: "bad-request" } };
      heard.transcript = await handshake.transcript({ ...spoken, daemonPoint: point, daemonNonce });
      heard.digits = await handshake.digits(heard.transcript);
      heard.key = await handshake.pairingKey(keyPair.privateKey, spoken.clientPoint, heard.transcript);
      return { json: { state: "shown" } };
    },
    async wait() {
      const state = states.length > 1 ? states.shift() : states[0];
      if (state !== "approved") return { json: { state } };
      const confirmed = await mac(heard.key, "mien-pair-confirm-v1", heard.transcript, "client-1");
      return { json: { state, client: "client-1", confirmation: confirms ? confirmed : toText(new Uint8Array(32)) } };
    },
    cancel: async () => ({ json: { state: "cancelled" } }),
  };

  const routes = {
    "GET /v1/hello": async () => ({ json: { name: "mien", api: 1 } }),
    "POST /v1/pair/ask": async () => ({ status: 201, json: { expires_in_s: 120, watched } }),
    "POST /v1/pair": async ({ body }) => {
      begun = { name: body.name };
      heard.commitment = body.commitment;
      return { status: 201, json: { id: "p1", public_key: toText(point), nonce: toText(daemonNonce) } };
    },
    "POST /v1/pair/p1": ({ body }) => steps[body.step](body),
    "POST /v1/pair/sessions": async ({ body }) => {
      heard.session = body;
      const key = knowsKey ? heard.key : await hmacKey(new Uint8Array(32));
      const fields = [body.client, String(port), fromText(body.nonce), daemonNonce];
      const proof = await mac(key, "mien-session-daemon-v1", ...fields);
      heard.opener = heard.key && (await mac(heard.key, "mien-session-console-v1", ...fields));
      heard.expected = heard.key && (await mac(heard.key, "mien-session-client-v1", ...fields));
      return { status: 201, json: { id: "s1", nonce: toText(daemonNonce), proof } };
    },
    "POST /v1/pair/sessions/s1": async ({ body }) =>
      body.proof === heard.expected
        ? { json: { token: "a-bearer", expires_in_s: 900, scopes: ["swap"] } }
        : { status: 401, json: { code: "unpaired" } },
    "POST /v1/pair/sessions/s1/console": async ({ body }) =>
      body.proof === heard.opener
        ? { status: 201, json: { code: "once", url: "http://elsewhere.test/" } }
        : { status: 401, json: { code: "unpaired" } },
  };
  return { heard, routes, port, ...fakeFetch(routes) };
}
