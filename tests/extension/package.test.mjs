// The packages promise: the same bytes every time, Chromium's manifest as committed, Firefox's with what Firefox wants,
// the least permissions, and nothing that comes from elsewhere.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const BUILD = fileURLToPath(new URL("../../extension/build.mjs", import.meta.url));
const { filesFor, manifestFor, mergePatch, zip } = await import("../../extension/build.mjs");
const { FILES } = await import("../../extension/src/page.js");
const README = readFileSync(fileURLToPath(new URL("../../extension/README.md", import.meta.url)), "utf8");

const text = (files, name) => files.get(name).toString("utf8");

for (const browser of ["chromium", "firefox"]) {
  test(`the ${browser} package is the same bytes every time and opens with any unzip`, () => {
    assert.ok(zip(filesFor(browser)).equals(zip(filesFor(browser))));
    const folder = mkdtempSync(join(tmpdir(), "mien-package-"));
    try {
      const made = execFileSync(process.execPath, [BUILD, folder], { encoding: "utf8" }).trim().split("\n");
      const path = made.find((name) => name.includes(browser));
      const list =
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; " +
        'print(*z.namelist(), sep="\\n")';
      const names = execFileSync("python3", ["-c", list, path], { encoding: "utf8" }).trim().split("\n");
      assert.deepEqual(names, [...filesFor(browser).keys()]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test(`everything that the ${browser} manifest and pages name is in the package`, () => {
    const files = filesFor(browser);
    const manifest = manifestFor(browser);
    const named = [
      manifest.action.default_popup,
      manifest.options_ui.page,
      ...Object.values(manifest.icons),
      manifest.background.service_worker ?? manifest.background.scripts[0],
      ...FILES,
    ];
    for (const [path, content] of files) {
      if (!path.endsWith(".html")) continue;
      const links = [...content.toString().matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, link]) =>
        new URL(link, `x://x/${path}`).pathname.slice(1),
      );
      named.push(...links);
    }
    assert.deepEqual(
      named.filter((name) => !files.has(name)),
      [],
    );
  });

  test(`no code or style of the ${browser} package comes from elsewhere or from a string`, () => {
    for (const [path, content] of filesFor(browser)) {
      if (!/\.(js|html|css)$/.test(path)) continue;
      assert.doesNotMatch(
        content.toString(),
        /\beval\(|new Function\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write/,
        path,
      );
      const remote = [...content.toString().matchAll(/https?:\/\/[^\s'"`*)]+/g)].map(([url]) => url);
      const allowed = /^https?:\/\/(127\.0\.0\.1|www\.w3\.org\/2000\/svg|\$\{)/;
      assert.deepEqual(
        remote.filter((url) => !allowed.test(url)),
        [],
        path,
      );
    }
  });
}

test("only one module knows an address of the daemon", () => {
  const files = filesFor("chromium");
  const knows = [...files.keys()].filter(
    (path) => path.endsWith(".js") && /\/v1\/|127\.0\.0\.1:|http:\/\/127/.test(text(files, path)),
  );
  assert.deepEqual(knows, ["src/daemon-client.js"]);
});

test("what is put into pages cannot speak to the daemon", () => {
  const files = filesFor("chromium");
  for (const path of FILES) assert.doesNotMatch(text(files, path), /127\.0\.0\.1|Authorization|daemon-client/);
});

test("every permission has its reason in the README, and there is none without", () => {
  const { permissions, optional_permissions: optional, host_permissions: hosts } = manifestFor("chromium");
  const firefox = manifestFor("firefox").permissions;
  for (const name of new Set([...permissions, ...optional, ...hosts, ...firefox])) {
    assert.match(README, new RegExp(`\\| \`${name.replace(/[/*.]/g, "\\$&")}\``), `${name} has no reason`);
  }
  assert.ok(!permissions.includes("tabs") && !hosts.some((host) => host.includes("*://") || host.includes("<all")));
});

test("Firefox gets what it wants: scripts, an id, the policy in words, and the truth about data", () => {
  const manifest = manifestFor("firefox");
  assert.deepEqual(manifest.background, { scripts: ["src/background.js"], type: "module" });
  const { gecko } = manifest.browser_specific_settings;
  assert.deepEqual(gecko.data_collection_permissions, { required: ["websiteContent"] });
  assert.ok(gecko.id && parseInt(gecko.strict_min_version, 10) >= 142);
  assert.match(manifest.content_security_policy.extension_pages, /script-src 'self'/);
  assert.ok(manifest.host_permissions.every((pattern) => !/:\d+\//.test(pattern)));
});

test("pages of the extension can be framed and reached by no page", () => {
  const manifest = manifestFor("chromium");
  assert.equal(manifest.web_accessible_resources, undefined);
  assert.equal(manifest.externally_connectable, undefined);
  assert.equal(manifest.content_scripts, undefined);
  assert.match(manifest.content_security_policy.extension_pages, /frame-ancestors 'none'/);
});

test("a merge patch removes with null and replaces lists whole", () => {
  assert.deepEqual(mergePatch({ a: 1, b: { c: 2, d: 3 }, e: [1] }, { a: null, b: { c: 4 }, e: [2] }), {
    b: { c: 4, d: 3 },
    e: [2],
  });
});
