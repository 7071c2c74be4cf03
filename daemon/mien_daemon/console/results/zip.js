// Several files as one ZIP: stored as they are, because pictures are compressed already. PKWARE's APPNOTE, 4.3.
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
const NAMES_ARE_UTF8 = 0x0800;
export const MOST_BYTES = 2 ** 31; // well below what 32-bit fields hold, and what a browser keeps of one Blob

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

/** @param {Uint8Array} content */
export function crc32(content) {
  let rest = 0xffffffff;
  for (const byte of content) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

/**
 * One archive of `files`, in order.
 * @param {{ name: string, content: Blob, at: Date }[]} files
 * @returns {Promise<Blob>}
 */
export async function zip(files) {
  const parts = [];
  const central = [];
  let offset = 0;
  for (const { name, content, at } of files) {
    const entry = {
      name: new TextEncoder().encode(name),
      crc: crc32(new Uint8Array(await content.arrayBuffer())),
      size: content.size,
      at: dosTime(at),
      offset,
    };
    const head = localHeader(entry);
    parts.push(head, content);
    central.push(centralHeader(entry));
    offset += head.length + content.size;
  }
  const size = central.reduce((sum, { length }) => sum + length, 0);
  return new Blob([...parts, ...central, endOf(files.length, size, offset)], { type: "application/zip" });
}

/** Each name once: "a.jpg", "a (2).jpg". */
export function uniqueNames(names) {
  const taken = new Set();
  return names.map((name) => {
    const dot = name.lastIndexOf(".");
    const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
    let unique = name;
    for (let count = 2; taken.has(unique.toLowerCase()); count += 1) unique = `${stem} (${count})${ending}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

function localHeader({ name, crc, size, at }) {
  return bytes([
    [LOCAL, 4], [VERSION, 2], [NAMES_ARE_UTF8, 2], [0, 2], [at, 4], [crc, 4], [size, 4], [size, 4], [name.length, 2],
    [0, 2],
  ], name); // prettier-ignore
}

function centralHeader({ name, crc, size, at, offset }) {
  return bytes([
    [CENTRAL, 4], [VERSION, 2], [VERSION, 2], [NAMES_ARE_UTF8, 2], [0, 2], [at, 4], [crc, 4], [size, 4], [size, 4],
    [name.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4],
  ], name); // prettier-ignore
}

function endOf(count, size, offset) {
  return bytes([
    [END, 4],
    [0, 2],
    [0, 2],
    [count, 2],
    [count, 2],
    [size, 4],
    [offset, 4],
    [0, 2],
  ]);
}

/** Little-endian fields, `[value, bytes]` each, then what follows them. */
function bytes(fields, rest = new Uint8Array()) {
  const length = fields.reduce((sum, [, width]) => sum + width, 0);
  const made = new Uint8Array(length + rest.length);
  let place = 0;
  for (const [value, width] of fields)
    for (let byte = 0; byte < width; byte += 1) made[place++] = (value / 2 ** (8 * byte)) & 0xff;
  made.set(rest, length);
  return made;
}

/** Date and time as MS-DOS keeps them: two-second steps from 1980 on. */
function dosTime(at) {
  const date = ((Math.max(at.getFullYear(), 1980) - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  return date * 2 ** 16 + time;
}
