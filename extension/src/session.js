// A session: the daemon proves that it knows our key and owns the port before anything but a nonce was sent.

import * as handshake from "./handshake.js";
import { Problem } from "./problem.js";

const EARLY_MS = 30_000; // ask again before the daemon stops accepting, not after

/** Have the daemon prove itself, and nothing more. @throws {Problem} `not-the-daemon` */
export async function proveDaemon(daemon, pairing) {
  await challenge(daemon, pairing);
}

/** @returns {Promise<{token: string, until: number}>} */
export async function openSession(daemon, pairing, now = Date.now) {
  const { id, session } = await challenge(daemon, pairing);
  const proof = handshake.toText(await handshake.clientProof(pairing.key, session));
  const { token, expires_in_s: lastsS } = await daemon.proveSession(id, { proof });
  return { token, until: now() + lastsS * 1000 - EARLY_MS };
}

/** A one-time code that opens the console as this person; the key asks, no bearer can. @returns {Promise<string>} */
export async function consoleCode(daemon, pairing) {
  const { id, session } = await challenge(daemon, pairing);
  const { code } = await daemon.proveOpener(id, {
    proof: handshake.toText(await handshake.openerProof(pairing.key, session)),
  });
  return code;
}

async function challenge(daemon, { clientId, key }) {
  const clientNonce = handshake.nonce();
  const { id, nonce, proof } = await daemon.beginSession({ client: clientId, nonce: handshake.toText(clientNonce) });
  const session = { clientId, port: daemon.port, clientNonce, daemonNonce: bytes(nonce) };
  if (!(await handshake.isDaemonProof(key, session, bytes(proof)))) throw new Problem("not-the-daemon");
  return { id, session };
}

/** What an impostor sends may be anything. */
function bytes(text) {
  try {
    return handshake.fromText(text);
  } catch {
    throw new Problem("not-the-daemon");
  }
}
