// The handshake's arithmetic promises: the same values as the daemon's, and keys that cannot be taken out.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import "./fakes.mjs";

const handshake = await import("../../extension/src/handshake.js");

const { cases } = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url)));
const { fromText, toText } = handshake;

async function privateKey({ scalar, point }) {
  const raw = fromText(point);
  const jwk = { kty: "EC", crv: "P-256", d: scalar, x: toText(raw.slice(1, 33)), y: toText(raw.slice(33)) };
  return crypto.subtle.importKey("jwk", jwk, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
}

function transcriptOf({ name, port, client, daemon }) {
  return handshake.transcript({
    name,
    port,
    clientPoint: fromText(client.point),
    clientNonce: fromText(client.nonce),
    daemonPoint: fromText(daemon.point),
    daemonNonce: fromText(daemon.nonce),
  });
}

const sessionOf = ({ client_id: clientId, port, session }) => ({
  clientId,
  port,
  clientNonce: fromText(session.client_nonce),
  daemonNonce: fromText(session.daemon_nonce),
});

const flipped = (bytes) => bytes.map((byte, index) => (index ? byte : byte ^ 1));

for (const vector of cases) {
  test(`commitment, transcript and digits are the daemon's: ${vector.name}`, async () => {
    const { client } = vector;
    assert.equal(toText(await handshake.commitment(fromText(client.point), fromText(client.nonce))), vector.commitment);
    const transcript = await transcriptOf(vector);
    assert.equal(toText(transcript), vector.transcript);
    assert.equal(await handshake.digits(transcript), vector.digits);
  });

  test(`the key confirms and proves what the daemon's does, and nothing else: ${vector.name}`, async () => {
    const transcript = await transcriptOf(vector);
    const key = await handshake.pairingKey(await privateKey(vector.client), fromText(vector.daemon.point), transcript);
    const confirmation = fromText(vector.confirmation);
    assert.ok(await handshake.isConfirmation(key, transcript, vector.client_id, confirmation));
    assert.ok(!(await handshake.isConfirmation(key, transcript, vector.client_id, flipped(confirmation))));
    const session = sessionOf(vector);
    const proof = fromText(vector.session.daemon_proof);
    assert.ok(await handshake.isDaemonProof(key, session, proof));
    assert.ok(!(await handshake.isDaemonProof(key, { ...session, port: session.port + 1 }, proof)));
    const answer = await handshake.clientProof(key, session);
    assert.equal(toText(answer), vector.session.client_proof);
    assert.equal(toText(await handshake.openerProof(key, session)), vector.session.opener_proof);
    assert.ok(!(await handshake.isDaemonProof(key, session, answer)), "an answer is no proof of the daemon");
  });
}

test("neither the pairing key nor the private key can be exported", async () => {
  const keyPair = await handshake.newKeyPair();
  const point = await handshake.publicPoint(await handshake.newKeyPair());
  const key = await handshake.pairingKey(keyPair.privateKey, point, new Uint8Array(32));
  for (const secret of [key, keyPair.privateKey]) {
    assert.equal(secret.extractable, false);
    await assert.rejects(crypto.subtle.exportKey("jwk", secret), /not extractable/);
  }
});

test("fields cannot borrow bytes from their neighbours", async () => {
  const rest = { clientPoint: new Uint8Array(65), clientNonce: new Uint8Array(32), daemonPoint: new Uint8Array(65) };
  const one = await handshake.transcript({ ...rest, name: "a1", port: 1, daemonNonce: new Uint8Array(32) });
  const other = await handshake.transcript({ ...rest, name: "a", port: 11, daemonNonce: new Uint8Array(32) });
  assert.notDeepEqual(one, other);
});

test("six digits keep their leading zeros", async () => {
  for (let seed = 0; seed < 64; seed += 1) {
    assert.match(await handshake.digits(new Uint8Array(32).fill(seed)), /^\d{6}$/);
  }
});
