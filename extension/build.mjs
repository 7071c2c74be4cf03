// Makes the two packages, the same bytes every time: `node extension/build.mjs [FOLDER]` (default: dist).
// Chromium's manifest is the committed one; Firefox's is that one with manifest.firefox.json mergePatch in (RFC 7396).

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const SHIPPED = ["_locales", "icons", "src", "ui"];
const DOS_DATE = (1 << 5) | 1; // 1980-01-01, the earliest a zip can say

export function mergePatch(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result = { ...(typeof target === "object" && !Array.isArray(target) ? target : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

export function manifestFor(browser) {
  const manifest = json("manifest.json");
  return browser === "firefox" ? mergePatch(manifest, json("manifest.firefox.json")) : manifest;
}

/** @returns {Map<string, Buffer>} path in the package → content, sorted by path. */
export function filesFor(browser) {
  const manifest = Buffer.from(`${JSON.stringify(manifestFor(browser), null, 2)}\n`);
  const paths = SHIPPED.flatMap((folder) => filesIn(join(HERE, folder))).sort();
  const named = paths.map((path) => [relative(HERE, path).split(sep).join("/"), readFileSync(path)]);
  return new Map([["manifest.json", manifest], ...named]);
}

/**
 * A zip without times, owners or order of its own, and without compression: how well a file is squeezed differs between
 * machines and versions of node, and 200 KB need not be squeezed.
 */
export function zip(files) {
  const locals = [];
  const central = [];
  let offset = 0;
  for (const [name, content] of files) {
    const path = Buffer.from(name);
    const sizes = [crc32(content), content.length, content.length];
    const common = Buffer.concat([u16(20, 0x0800, 0, 0, DOS_DATE), u32(...sizes), u16(path.length, 0)]);
    locals.push(u32(0x04034b50), common, path, content);
    central.push(u32(0x02014b50), u16(20), common, u16(0, 0, 0), u32(0, offset), path);
    offset += 4 + common.length + path.length + content.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.concat([
    u32(0x06054b50),
    u16(0, 0, files.size, files.size),
    u32(directory.length, offset),
    u16(0),
  ]);
  return Buffer.concat([...locals, directory, end]);
}

/** Write the unpacked folder of one browser, as a developer loads it. */
export function unpackTo(folder, browser) {
  for (const [name, content] of filesFor(browser)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

function json(name) {
  return JSON.parse(readFileSync(join(HERE, name), "utf8"));
}

/** CRC-32 as zip has it (ISO 3309). */
function crc32(content) {
  let rest = 0xffffffff;
  for (const byte of content) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ~rest >>> 0;
}

function u16(...values) {
  const buffer = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => buffer.writeUInt16LE(value, index * 2));
  return buffer;
}

function u32(...values) {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => buffer.writeUInt32LE(value, index * 4));
  return buffer;
}

function main([folder = "dist"]) {
  mkdirSync(folder, { recursive: true });
  for (const browser of ["chromium", "firefox"]) {
    const { version } = manifestFor(browser);
    const path = join(folder, `mien-${browser}-${version}.zip`);
    writeFileSync(path, zip(filesFor(browser)));
    process.stdout.write(`${path}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
