"""A code opens the console once, in this origin alone, and the page loads nothing but its own files."""

import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.async_api import Browser, Request, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Another server on this machine: to a browser, another origin on the same site."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


async def test_a_code_opens_the_page_once_and_leaves_the_address(console: Any, chromium: Browser) -> None:
    url = console.daemon.invitation()
    await console.page.goto("about:blank")
    await console.page.goto(url)
    await expect(console.page.locator(".frame")).to_be_visible()
    assert "code" not in console.page.url
    stranger = await chromium.new_context()
    page = await stranger.new_page()
    await page.goto(url)
    await expect(page.locator("main.session-over")).to_contain_text("mien open")
    assert "code" not in page.url
    await stranger.close()


async def test_without_a_code_there_is_only_the_way_to_get_one(console: Any, chromium: Browser) -> None:
    stranger = await chromium.new_context()
    page = await stranger.new_page()
    await page.goto(console.daemon.origin)
    await expect(page.locator("main.session-over")).to_contain_text("mien open")
    await expect(page.locator("nav")).to_have_count(0)
    await stranger.close()


async def test_a_second_tab_is_signed_in_and_no_storage_holds_a_token(console: Any) -> None:
    second = await console.context.new_page()
    await second.goto(console.daemon.origin)
    await expect(second.locator(".frame")).to_be_visible()
    assert await console.context.cookies() == []
    kept = await second.evaluate("""async () => {
        const opening = indexedDB.open("mien", 1);
        await new Promise((done) => (opening.onsuccess = done));
        const asked = opening.result.transaction("page-key").objectStore("page-key").get("current");
        await new Promise((done) => (asked.onsuccess = done));
        const { privateKey } = asked.result.pair;
        return [JSON.stringify(localStorage), privateKey.extractable, Object.keys(asked.result).sort()];
    }""")
    assert ("mien_" in kept[0], kept[1:]) == (False, [False, ["id", "pair"]])
    await second.close()


async def test_a_browser_that_is_signed_out_in_the_settings_needs_a_code(console: Any) -> None:
    await console.go("settings")
    await console.page.locator("[data-browser]", has_text="this one").get_by_role("button").click()
    await expect(console.page.locator("main.session-over")).to_be_visible()
    await console.page.reload()
    await expect(console.page.locator("main.session-over")).to_contain_text("mien open")
    await console.page.goto("about:blank")
    await console.page.goto(console.daemon.invitation())
    await expect(console.page.locator(".frame")).to_be_visible()


async def test_another_origin_gets_nothing(console: Any, elsewhere: str) -> None:
    page = await console.context.new_page()
    await page.goto(elsewhere)
    ask = """async ([url, method]) => {
        const body = method === "POST" ? '{"code":"x"}' : undefined;
        const headers = body ? { "Content-Type": "application/json" } : {};
        try { return (await fetch(url, { method, body, headers })).status } catch { return "nothing" }
    }"""
    for path, method in (("/", "GET"), ("/console/console.js", "GET"), ("/v1/session", "POST"), ("/v1/jobs", "GET")):
        assert await page.evaluate(ask, [console.daemon.origin + path, method]) == "nothing"
    framed = """(url) => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.onload = () => resolve(frame.contentDocument === null ? "opaque" : frame.contentDocument.title);
        frame.src = url;
        document.body.append(frame);
    })"""
    assert await page.evaluate(framed, console.daemon.origin) == "opaque"
    assert all(frame.url in {elsewhere, "chrome-error://chromewebdata/", ""} for frame in page.frames)


async def test_the_policy_lets_no_markup_and_no_other_script_in(console: Any) -> None:
    """Asked to, the page refuses; these complaints are the expected ones."""
    refused = await console.page.evaluate("""() => new Promise((resolve) => {
        const refused = [];
        let complaints = 0;
        document.addEventListener("securitypolicyviolation", () => ++complaints === 2 && resolve(refused));
        try { document.body.innerHTML = "<b>x</b>" } catch { refused.push("markup") }
        try { document.createElement("script").text = "1" } catch { refused.push("script") }
    })""")
    assert refused == ["markup", "script"]
    assert len(console.complaints) == 2
    console.complaints.clear()


async def test_every_file_the_page_loads_is_its_own(console: Any) -> None:
    hosts: set[str] = set()

    def note(request: Request) -> None:
        if request.url.startswith("http"):
            hosts.add(request.url.split("/")[2])

    console.page.on("request", note)
    await console.page.reload()
    for view in ("jobs", "results", "models", "settings", "swap"):
        await console.go(view)
    assert hosts == {f"127.0.0.1:{console.daemon.port}"}


async def test_a_daemon_that_was_killed_and_started_again_continues_with_the_job(
    at_own_daemon: Any, pictures: Any
) -> None:
    console = at_own_daemon
    console.daemon.order("hold")
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await expect(console.page.locator(".progress")).to_contain_text("Making the new face")
    console.daemon.stop(signal.SIGKILL)
    await expect(console.page.locator(".banner")).to_contain_text("Mien isn’t answering")
    await expect(console.page.locator(".daemon-state")).to_have_text("Not answering")
    console.daemon.start()
    await expect(console.page.locator(".banner")).to_be_hidden()  # with a session that its key has opened
    await expect(console.page.locator(".progress")).to_be_visible()
    console.daemon.forget("hold")
    await console.result_shown()
