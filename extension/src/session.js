// A session: the daemon proves that it knows our key and owns the port before anything but a nonce was sent.

import * as handshake from "./handshake.js";
import { Problem } from "./problem.js";

const EARLY_MS = 30_000; // ask again before the daemon stops accepting, not after

/** @returns {Promise<{token: string, until: number}>} */
export async function openSession(daemon, { clientId, key }, now = Date.now) {
  const clientNonce = handshake.nonce();
  const challenge = await daemon.beginSession({ client: clientId, nonce: handshake.toText(clientNonce) });
  const session = { clientId, port: daemon.port, clientNonce, daemonNonce: bytes(challenge.nonce) };
  if (!(await handshake.isDaemonProof(key, session, bytes(challenge.proof)))) throw new Problem("not-the-daemon");
  const proof = handshake.toText(await handshake.clientProof(key, session));
  const { token, expires_in_s: lastsS } = await daemon.proveSession(challenge.id, { proof });
  return { token, until: now() + lastsS * 1000 - EARLY_MS };
}

/** What an impostor sends may be anything. */
function bytes(text) {
  try {
    return handshake.fromText(text);
  } catch {
    throw new Problem("not-the-daemon");
  }
}
