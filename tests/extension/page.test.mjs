// A page is spoken to in one frame, and may be gone.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { FILES, Page } from "../../extension/src/page.js";

const LARGE = new Blob([new Uint8Array(9_000_000)], { type: "image/png" });
/** What a page says to a message that could not carry the picture. */
const LOST = { shown: false, lost: true };
const EXTENSION = fileURLToPath(new URL("../../extension/", import.meta.url));

function pageThat(answer) {
  const heard = [];
  const sendMessage = async (tabId, message, options) => {
    heard.push({ tabId, message, options });
    return answer(message);
  };
  const executeScript = async (injection) => heard.push(injection);
  return { page: new Page({ tabs: { sendMessage }, scripting: { executeScript } }, { tabId: 3, frameId: 5 }), heard };
}

function pageThatRefuses(times) {
  let refusals = 0;
  const executeScript = async () => {
    refusals += 1;
    if (refusals <= times) throw new Error('Cannot access contents of url "https://a.example/b?c=d".');
  };
  const pauses = [];
  const pause = async (milliseconds) => pauses.push(milliseconds);
  return { page: new Page({ scripting: { executeScript } }, { tabId: 1 }, pause), pauses };
}

test("the scripts that are put into a page are those of the folder, in order of need", () => {
  assert.ok(FILES.every((file) => existsSync(EXTENSION + file)));
  assert.equal(FILES.length, readdirSync(`${EXTENSION}src/content`).length);
});

test("the script is put into one frame", async () => {
  const { page, heard } = pageThat(() => null);
  await page.enter();
  assert.deepEqual(heard[0].target, { tabId: 3, frameIds: [5] });
});

test("a page that takes no extension is a problem of its own", async () => {
  const { page } = pageThatRefuses(Infinity);
  await assert.rejects(page.enter(), {
    code: "page-closed-to-us",
    fields: { reason: 'Error: Cannot access contents of url "…".' },
  });
});

test("a frame that refuses scripts for a moment is asked again", async () => {
  const { page, pauses } = pageThatRefuses(2);
  await page.enter();
  assert.equal(pauses.length, 2);
});

test("a page that is gone answers nothing", async () => {
  const { page } = pageThat(() => {
    throw new Error("Could not establish connection");
  });
  assert.equal(await page.ask({ do: "find" }), null);
  assert.equal(await page.read("p"), null);
});

test("bytes come as the page has them", async () => {
  const { page } = pageThat(() => ({ base64: "AQI=" }));
  assert.deepEqual(await page.read("p"), new Uint8Array([1, 2]));
});

test("a result goes over as it is", async () => {
  const { page, heard } = pageThat(() => ({ shown: true }));
  assert.equal(await page.deliver("p", "job", LARGE, {}), true);
  assert.deepEqual(
    heard.map(({ message }) => message),
    [{ do: "deliver", pictureId: "p", jobKey: "job", facts: {}, result: LARGE }],
  );
});

test("where messages are JSON a large result goes over in parts, each with its number", async () => {
  const { page, heard } = pageThat(({ result, part, parts }) => (result ? LOST : { shown: part === parts - 1 }));
  const shown = await page.deliver("p", "job", LARGE, {});
  assert.equal(shown, true);
  assert.deepEqual(
    heard.slice(1).map(({ message }) => [message.part, message.parts]),
    [
      [0, 3],
      [1, 3],
      [2, 3],
    ],
  );
});

test("a page that goes away between two parts shows nothing", async () => {
  const { page } = pageThat(({ result, part }) => (part ? null : result ? LOST : { shown: false }));
  assert.equal(await page.deliver("p", "job", LARGE, {}), false);
});
