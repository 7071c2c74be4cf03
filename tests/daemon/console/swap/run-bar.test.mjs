// What the keys of the Swap view press.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.document ??= /** @type {any} */ ({ createElement: () => ({ append() {}, setAttribute() {} }) });
const { standingOut } = await import("../../../../daemon/mien_daemon/console/swap/run-bar.js");

const dialogWith = (found) => ({ querySelector: (wanted) => found[wanted] ?? null });

test("Ctrl+Enter presses Swap, or the button that stands out of the dialog that is open", () => {
  assert.equal(standingOut(null, "swap"), "swap");
  assert.equal(standingOut(dialogWith({ ".primary": "save" }), "swap"), "save");
  assert.equal(standingOut(dialogWith({}), "swap"), null);
});

test("it presses nothing in a question that is answered by hand alone", () => {
  assert.equal(standingOut(dialogWith({ ".primary": "approve", "[data-by-hand]": "question" }), "swap"), null);
});
