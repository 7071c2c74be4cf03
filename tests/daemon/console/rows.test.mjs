// A list keeps its elements, and makes those of a long one a few a frame.
import assert from "node:assert/strict";
import { test } from "node:test";

const frames = [];
Object.assign(globalThis, {
  document: { activeElement: null },
  HTMLElement: class {},
  requestAnimationFrame: (work) => frames.push(work),
});
const { rows } = await import("../../../daemon/mien_daemon/console/rows.js");

/** As much of an element as a list needs. */
class Element {
  children = [];
  isConnected = true;
  parent = null;

  get firstElementChild() {
    return this.children[0] ?? null;
  }

  get nextElementSibling() {
    return this.parent.children[this.parent.children.indexOf(this) + 1] ?? null;
  }

  contains() {
    return false;
  }

  remove() {
    this.parent.children.splice(this.parent.children.indexOf(this), 1);
  }

  insertBefore(child, place) {
    if (child.parent) child.remove();
    child.parent = this;
    const at = place ? this.children.indexOf(place) : this.children.length;
    this.children.splice(at, 0, child);
  }
}

function listOf(atOnce) {
  const parent = new Element();
  const counts = { made: 0, updated: 0 };
  const create = (name) => {
    counts.made += 1;
    const element = Object.assign(new Element(), { name });
    return { element, update: () => (counts.updated += 1) };
  };
  const show = rows(parent, (name) => name, create, atOnce);
  return { parent, counts, show, names: () => parent.children.map(({ name }) => name).join("") };
}

test("elements are kept, moved and let go", () => {
  const { show, names, counts } = listOf();
  show([..."abc"]);
  show([..."cab"]);
  assert.equal(names(), "cab");
  show([..."bd"]);
  assert.equal(names(), "bd");
  assert.equal(counts.made, 4);
});

test("where nothing changed only what is new is filled in", () => {
  const { show, names, counts } = listOf();
  show([..."ab"]);
  show([..."abc"], false);
  assert.deepEqual([names(), counts.updated], ["abc", 3]);
  show([..."abc"]);
  assert.equal(counts.updated, 6);
});

test("of a long list a few are made in a frame, in their order, and those that are there are left alone", () => {
  const { show, names, counts } = listOf(2);
  show([..."abcde"]);
  assert.equal(names(), "ab");
  frames.shift()();
  assert.equal(names(), "abcd");
  show([..."xabcde"]);
  assert.equal(names(), "xabcde");
  const { updated } = counts;
  while (frames.length) frames.shift()();
  assert.deepEqual([names(), counts.made, counts.updated], ["xabcde", 6, updated]);
});

test("what is there says what it is now, however many new ones come before it", () => {
  const { show, names, counts } = listOf(2);
  show([..."ab"]);
  assert.equal(counts.updated, 2);
  show([..."vwxyzab"]);
  assert.deepEqual([names(), counts.updated], ["vwab", 6]);
  while (frames.length) frames.shift()();
  assert.deepEqual([names(), counts.made, counts.updated], ["vwxyzab", 7, 9]);
});

test("a list that is off the page is made no further", () => {
  const { show, names, parent } = listOf(1);
  show([..."ab"]);
  parent.isConnected = false;
  while (frames.length) frames.shift()();
  assert.equal(names(), "a");
});
