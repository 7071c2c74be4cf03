// Bytes as text: messages between the background and a page are JSON in Chromium.

const STEP = 0x8000; // String.fromCharCode takes its arguments from the stack

/** @param {Uint8Array & { toBase64?: () => string }} bytes  newer browsers do it ten times as fast. */
export function toBase64(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  let binary = "";
  for (let at = 0; at < bytes.length; at += STEP) binary += String.fromCharCode(...bytes.subarray(at, at + STEP));
  return btoa(binary);
}

export function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
