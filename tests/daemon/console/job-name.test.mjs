// Jobs are named by people and files, and saved under such names; people of the library are named by the library alone.
import assert from "node:assert/strict";
import test from "node:test";

import { fileNameOf, groupTitle, labelFor, nameFor, titleOf } from "../../../daemon/mien_daemon/console/job-name.js";
import { nameGroup } from "../../../daemon/mien_daemon/console/swap/folder.js";
import { nameOf as nameOfPerson } from "../../../daemon/mien_daemon/console/swap/person.js";
import { moment, speak } from "../../../daemon/mien_daemon/console/words.js";

speak("en", { name_no_face: "A face", name_no_picture: "a picture", name_restored: "{name}, restored" });
const PEOPLE = new Map([["e1", "Eileen"]]);
const job = (changes = {}) => ({
  kind: "swap",
  references: [["ref:e1"]],
  options: { faces: "largest" },
  label: { target: "holiday.jpg", references: [null] },
  ...changes,
});

test("a swap is named by whose face goes into which file", () => {
  assert.equal(titleOf(job(), PEOPLE), "Eileen → holiday.jpg");
  const sent = { references: [["sha256:1"]], label: { target: "holiday.jpg", references: ["ben.older.png"] } };
  assert.equal(titleOf(job(sent), PEOPLE), "ben.older → holiday.jpg");
  const both = { references: [["ref:e1"], ["sha256:1"]], label: { target: "g.jpg", references: [null, "ben.png"] } };
  assert.equal(titleOf(job(both), PEOPLE), "Eileen, ben → g.jpg");
});

test("a group is told with its time as the language writes it, and by its own name where a script gave one", () => {
  const sent = new Date("2026-11-30T09:59:34Z");
  assert.equal(groupTitle(nameGroup("Holiday", sent)), `Holiday · ${moment(sent.getTime() / 1000)}`);
  for (const name of ["nightly", "2026-11-30 09:59:34", "a 2026-99-30 09:59:34"]) assert.equal(groupTitle(name), name);
});

test("a person is told by the library's name or by their file without its ending", () => {
  const called = (key, name) => nameOfPerson(/** @type {any} */ ({ key, name }));
  assert.equal(called("sha256:1", "ben.older.png"), "ben.older");
  assert.equal(called("ref:1", "St.John"), "St.John");
});

test("what has no name is told in words, never by its engine", () => {
  assert.equal(titleOf(job({ label: null }), new Map()), "A face → a picture");
  assert.equal(titleOf(job({ kind: "restore", references: [] }), PEOPLE), "holiday.jpg, restored");
});

test("each face has the name of its own person", () => {
  const both = job({
    references: [["ref:e1"], ["sha256:1"]],
    options: { faces: [2, 0] },
    label: { references: [null, "ben.png"] },
  });
  assert.equal(nameFor(both, 0, PEOPLE), "ben");
  assert.equal(nameFor(both, 2, PEOPLE), "Eileen");
  assert.equal(nameFor(job(), 3, PEOPLE), "Eileen");
});

test("a result is saved under its name, with its own ending and no sign that a file system refuses", () => {
  assert.equal(fileNameOf(job(), PEOPLE, "image/png"), "Eileen - holiday.png");
  assert.equal(fileNameOf(job(), PEOPLE, "image/jpeg"), "Eileen - holiday.jpg");
  const odd = job({ label: { target: 'a/b:c?"d"*.heic' } });
  assert.equal(fileNameOf(odd, PEOPLE, "image/jpeg"), "Eileen - a_b_c__d__.jpg");
});

test("a saved file's name is cut between characters where it has too many bytes", () => {
  const nameOf = (target) => fileNameOf(job({ label: { target } }), PEOPLE, "image/png");
  assert.equal(nameOf("x".repeat(255)), `Eileen - ${"x".repeat(191)}.png`);
  assert.equal(nameOf("顔".repeat(255)), `Eileen - ${"顔".repeat(63)}.png`);
  assert.equal(nameOf("😀".repeat(127)), `Eileen - ${"😀".repeat(47)}.png`);
});

test("a job's body names files, and nobody of the library", () => {
  const people = [{ key: "sha256:1", name: "ben.png" }];
  assert.deepEqual(labelFor("holiday.jpg", { reference: "ref:e1" }, people), {
    target: "holiday.jpg",
    references: [null],
  });
  const several = { references: [["sha256:1", "sha256:2"], ["ref:e1"]] };
  assert.deepEqual(labelFor("g".repeat(300), several, people), {
    target: "g".repeat(255),
    references: ["ben.png", null],
  });
  assert.deepEqual(labelFor("", { reference: ["sha256:9"] }, people), { target: null, references: [null] });
});
