// A ZIP that other programs open: Python's zipfile checks names, dates, sums and bytes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";

import { crc32, uniqueNames, zip } from "../../../../daemon/mien_daemon/console/results/zip.js";

const READ = `
import io, json, sys, zipfile
archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert archive.testzip() is None
print(json.dumps([[each.filename, archive.read(each).decode(), each.date_time] for each in archive.infolist()]))
`;

test("another program finds every file with its name, its date and its bytes", async () => {
  const at = new Date(2026, 10, 29, 17, 5, 42);
  const files = [
    { name: "Eileen → holiday.jpg", content: new Blob(["first"]), at },
    { name: "empty.png", content: new Blob([]), at: new Date(1970, 0, 1) },
  ];
  const archive = new Uint8Array(await (await zip(files)).arrayBuffer());
  const found = JSON.parse(execFileSync("python3", ["-c", READ], { input: archive, encoding: "utf8" }));
  assert.deepEqual(found, [
    ["Eileen → holiday.jpg", "first", [2026, 11, 29, 17, 5, 42]],
    ["empty.png", "", [1980, 1, 1, 0, 0, 0]],
  ]);
});

test("the sum is that of the standard's own example", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});

test("a name that comes again gets a number", () => {
  assert.deepEqual(uniqueNames(["a.jpg", "A.jpg", "a.jpg", "b"]), ["a.jpg", "A (2).jpg", "a (3).jpg", "b"]);
});
