// Which pictures move: the daemon makes a clip of them, which takes no picture's place on a page.

const WORD = new TextDecoder("latin1");

/** @param {Uint8Array} bytes  of a GIF, or of a WebP or PNG that says that it is animated. */
export function isAnimated(bytes) {
  const head = WORD.decode(bytes.subarray(0, 65_536));
  if (head.startsWith("GIF8")) return true;
  if (head.startsWith("RIFF") && head.slice(8, 16) === "WEBPVP8X") return Boolean(bytes[20] & 2);
  return head.startsWith("\x89PNG") && head.split("IDAT", 1)[0].includes("acTL");
}
