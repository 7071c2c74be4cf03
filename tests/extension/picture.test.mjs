// A picture is read by the first way that works; hosts are asked for only where they must be, and a Referer is sent for
// one picture only.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeChrome } from "./fakes.mjs";

const { fromBase64, toBase64 } = await import("../../extension/src/bytes.js");
const { patternOf, patternsBeyond } = await import("../../extension/src/hosts.js");
const { nameOf, readEarly, readPicture } = await import("../../extension/src/picture.js");
const { refererFrom, withReferer } = await import("../../extension/src/referer.js");
const { siteFrom } = await import("../../extension/src/sites.js");

const PICTURE = new Uint8Array([1, 2, 3]);
const URL_ = "https://cdn.test/face.png";
const image = (headers = { "Content-Type": "image/png" }) => new Response(PICTURE, { headers });

function reading({
  answers = [],
  granted = false,
  inPage = null,
  shot = null,
  source = { kind: "url", url: URL_ },
  pageUrl = "https://page.test/a",
} = {}) {
  const chrome = fakeChrome();
  chrome.permissions.contains = async () => granted;
  const asked = [];
  const fetch = async (url, how) => {
    asked.push([url, how.credentials, chrome.log.length]);
    const answer = answers.shift();
    if (!answer) throw new TypeError("Failed to fetch");
    return answer;
  };
  const page = { read: async () => inPage };
  const read = readPicture({ chrome, fetch, page, pageUrl, source, screenshot: async () => shot });
  return { read, asked, chrome };
}

test("a picture the background may fetch is fetched with the cookies of its host", async () => {
  const { read, asked } = reading({ answers: [image()] });
  assert.deepEqual(await read, { bytes: PICTURE, screenshot: false });
  assert.deepEqual(asked[0].slice(0, 2), [URL_, "include"]);
});

test("a host that wants its own page’s Referer gets it, for this picture, for this moment", async () => {
  const { read, chrome } = reading({ answers: [new Response("", { status: 403 }), image()], granted: true });
  assert.deepEqual((await read).bytes, PICTURE);
  const [[, set], [, unset]] = chrome.log;
  assert.equal(set.addRules[0].action.requestHeaders[0].value, "https://page.test/");
  assert.equal(set.addRules[0].condition.urlFilter, `|${URL_}|`);
  assert.deepEqual(set.addRules[0].condition.initiatorDomains, ["abcdef"]);
  assert.deepEqual(unset, { removeRuleIds: [set.addRules[0].id] });
});

test("the rule goes away even when the fetch fails", async () => {
  const chrome = fakeChrome();
  const work = () => Promise.reject(new Error("no"));
  await assert.rejects(withReferer(chrome, { pictureUrl: URL_, pageUrl: "https://page.test/" }, work));
  assert.deepEqual(Object.keys(chrome.log.at(-1)[1]), ["removeRuleIds"]);
});

test("the Referer is no more than the browser itself would have sent", () => {
  assert.equal(refererFrom("https://page.test/a?b#c", "https://page.test/x.png"), "https://page.test/a?b");
  assert.equal(refererFrom("https://page.test/a?b#c", URL_), "https://page.test/");
});

test("a page of words is not taken for a picture", async () => {
  const { read } = reading({ answers: [image({ "Content-Type": "text/html" })], inPage: PICTURE });
  assert.deepEqual((await read).bytes, PICTURE);
});

test("what only the page can read is read by the page", async () => {
  const { read, asked } = reading({ inPage: PICTURE, source: { kind: "page", url: "blob:x" } });
  assert.deepEqual((await read).bytes, PICTURE);
  assert.deepEqual(asked, []);
});

test("a picture of this machine is not read for a page from elsewhere, which would then have it", async () => {
  const source = { kind: "url", url: "http://127.0.0.1:8000/private.png" };
  for (const pageUrl of ["https://page.test/a", "http://127.0.0.1:9000/a", "about:srcdoc"]) {
    const { read, asked } = reading({ answers: [image()], granted: true, source, pageUrl });
    await assert.rejects(read, { code: "picture-unreadable" });
    assert.deepEqual(asked, []);
  }
  const own = reading({ answers: [image()], source, pageUrl: "http://127.0.0.1:8000/gallery" });
  assert.deepEqual((await own.read).bytes, PICTURE);
});

test("a picture that turns out to be one of this machine is not read either", async () => {
  const redirected = Object.defineProperty(image(), "url", { value: "http://127.0.0.1:8000/private.png" });
  await assert.rejects(reading({ answers: [redirected] }).read, { code: "host-not-allowed" });
});

test("a data: picture never leaves the machine, not even as a request", async () => {
  const { read, asked } = reading({ answers: [image()], source: { kind: "url", url: "data:image/png;base64,AQID" } });
  await read;
  assert.deepEqual(
    asked.map(([url]) => url),
    ["data:image/png;base64,AQID"],
  );
});

test("the last way is a screenshot, and it says so", async () => {
  const { read } = reading({ shot: PICTURE });
  assert.deepEqual(await read, { bytes: PICTURE, screenshot: true });
});

test("without the host’s permission the problem names the host", async () => {
  await assert.rejects(reading().read, { code: "host-not-allowed", fields: { host: "cdn.test" } });
});

test("with every permission and still no picture, the page is to blame", async () => {
  await assert.rejects(reading({ granted: true }).read, { code: "picture-unreadable" });
});

test("a picture beyond the daemon’s limit is refused before it is read", async () => {
  const headers = { "Content-Type": "image/png", "Content-Length": "200000001" };
  await assert.rejects(reading({ answers: [image(headers)] }).read, { code: "image-too-large" });
});

test("only hosts beyond the tab’s own are asked for, once each, without a port", () => {
  const asked = patternsBeyond(
    "https://page.test/a",
    "https://page.test/x.png",
    URL_,
    "https://cdn.test:8443/y.png",
    null,
  );
  assert.deepEqual(asked, ["https://cdn.test/*"]);
  assert.deepEqual(patternsBeyond("https://page.test/", "data:image/png,", "blob:https://page.test/1"), []);
});

test("only http and https have hosts to ask for", () => {
  assert.equal(patternOf("http://cdn.test:81/a"), "http://cdn.test/*");
  for (const url of ["file:///etc/passwd", "chrome://settings", "nonsense", "ftp://x/"])
    assert.equal(patternOf(url), null);
});

test("a site may be typed as people type it", () => {
  assert.equal(siteFrom(" https://Example.org:8080/path "), "example.org");
  assert.equal(siteFrom("www.example.org/x"), "www.example.org");
  assert.equal(siteFrom("not a site"), null);
});

test("any number of bytes survives the way through text", () => {
  for (const size of [0, 1, 2, 3, 0x8000, 0x8001, 100_003]) {
    const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31) & 255);
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  }
});

test("a picture is called what its address says, where that is a file", () => {
  const named = (url) => nameOf({ kind: "url", url });
  assert.equal(named("https://cdn.test/2026/my%20holiday.jpg?w=200#a"), "my holiday.jpg");
  assert.equal(named("https://cdn.test/broken%E0%A4.jpg"), "broken%E0%A4.jpg");
  assert.equal(named(`https://cdn.test/${"x".repeat(400)}`)?.length, 255);
  for (const url of ["https://cdn.test/", "data:image/png;base64,AAAA", "blob:https://a.test/7", "no address"])
    assert.equal(named(url), null);
  assert.equal(nameOf(undefined), null);
});

test("a picture is read early only where the background reads it itself, and after the person’s answer", async () => {
  const fetched = [];
  const fetch = async (url) => (fetched.push(url), image());
  const early = (url, pageUrl = "https://page.test/a", answered = Promise.resolve(true)) =>
    readEarly({ fetch, url, pageUrl, answered });
  for (const url of [undefined, "data:image/png;base64,AQID", "blob:https://page.test/1", "http://127.0.0.1/me.png"])
    assert.equal(early(url), null);
  assert.ok(early("http://127.0.0.1/me.png", "http://127.0.0.1/page"));
  early("https://cdn.test/unanswered.png", "https://page.test/a", new Promise(() => {}));
  assert.deepEqual(await early(URL_).bytes, PICTURE);
  assert.deepEqual(fetched, ["http://127.0.0.1/me.png", URL_]);
});
