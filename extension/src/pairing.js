// The browser's half of pairing: ask, commit, reveal, compare, and only then keep the key. The protocol is told in
// daemon/PAIRING.md. Approval is the daemon's side's; but both people's sides look at the digits, so a program that
// squats on the port cannot pair this browser with itself by saying yes.

import * as handshake from "./handshake.js";
import { Problem } from "./problem.js";

/**
 * Pair this browser; the pairing is kept in the keychain.
 * @param {object} parts
 * @param {any} parts.daemon
 * @param {import("./keychain.js").Keychain} parts.keychain
 * @param {string} parts.name  what the daemon's side shows for this browser.
 * @param {(digits: string, watched: boolean) => Promise<boolean>} parts.compare  shows the digits, and whether anything
 *   of Mien's is open to show them as well; resolves to what the person says.
 * @param {AbortSignal} [parts.signal]
 * @param {() => number} [parts.now]
 */
export async function pair({ daemon, keychain, name, compare, signal, now = Date.now }) {
  await daemon.hello();
  const { watched } = await daemon.askForPairing();
  const keyPair = await handshake.newKeyPair();
  const clientPoint = await handshake.publicPoint(keyPair);
  const clientNonce = handshake.nonce();
  const commitment = handshake.toText(await handshake.commitment(clientPoint, clientNonce));
  const offer = await daemon.beginPairing({ name, commitment });
  const daemonPoint = handshake.fromText(offer.public_key);
  const daemonNonce = handshake.fromText(offer.nonce);
  const spoken = { name, port: daemon.port, clientPoint, clientNonce, daemonPoint, daemonNonce };
  const transcript = await handshake.transcript(spoken);
  const key = await handshake.pairingKey(keyPair.privateKey, daemonPoint, transcript);
  try {
    await daemon.continuePairing(offer.id, {
      step: "reveal",
      public_key: handshake.toText(clientPoint),
      nonce: handshake.toText(clientNonce),
    });
    const digits = await handshake.digits(transcript);
    const [approval] = await Promise.all([approved(daemon, offer.id, signal), compare(digits, watched).then(insist)]);
    const mac = handshake.fromText(approval.confirmation);
    if (!(await handshake.isConfirmation(key, transcript, approval.client, mac))) throw new Problem("not-the-daemon");
    const pairing = { clientId: approval.client, key, pairedAt: now() };
    await keychain.save(pairing);
    return pairing;
  } catch (error) {
    await daemon.continuePairing(offer.id, { step: "cancel" }).catch(() => {}); // it may be over there already
    throw error;
  }
}

async function approved(daemon, id, signal) {
  for (;;) {
    signal?.throwIfAborted();
    const outcome = await daemon.continuePairing(id, { step: "wait" }, signal);
    if (outcome.state === "approved") return outcome;
    if (outcome.state !== "shown") throw new Problem("pairing-refused");
  }
}

function insist(same) {
  if (!same) throw new Problem("digits-differ");
}
