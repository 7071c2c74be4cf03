"""Models come after their licence, with a pause, and are verified, in Chromium against a daemon process."""

import hashlib
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEIGHTS = bytes(range(256)) * 2000


@dataclass
class Hub:
    """Serves the weights, half of them at first; the rest when `go_on` is set."""

    url: str = ""
    half_sent: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def hub() -> Iterator[Hub]:
    held = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            first, _, last = (self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(WEIGHTS)), len(WEIGHTS) - 1)
            body = WEIGHTS[start : end + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(WEIGHTS)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            held.half_sent.set()
            held.go_on.wait(300)
            try:
                self.wfile.write(body[len(body) // 2 :])
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    held.url = f"http://127.0.0.1:{server.server_port}/"
    yield held
    held.go_on.set()
    server.shutdown()
    server.server_close()


@pytest_asyncio.fixture(loop_scope="module")
async def at_store(chromium: Browser, tmp_path: Path, hub: Hub, new_console: Any) -> AsyncIterator[Any]:
    """The console of a daemon with one model of a person's own, under a licence that has to be read."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "LICENCE").write_text("Do as you like, but read this first.\n")
    catalogue = tmp_path / "catalogue.toml"
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    catalogue.write_text(f"""
        [bundles]
        own = ["own-weights"]
        [licences.read-me]
        name = "Read Me Licence"
        url = "https://example.org/read-me"
        commercial = false
        must_accept = true
        text = {{ path = "LICENCE", format = "text", source = {{ kind = "local", folder = "{folder}" }} }}
        [models.own-weights]
        title = "Weights of my own"
        version = "1"
        licence = "read-me"
        source = {{ kind = "url", bases = ["{hub.url}"] }}
        files = [{{ path = "remote.dat", format = "dlib", size = {len(WEIGHTS)}, sha256 = "{digest}" }}]
    """)
    async for opened in new_console(tmp_path, tmp_path / "models", MIEN_CATALOGUE=str(catalogue)):
        yield opened


PLACES_WHEN_FOCUSED = """async (element) => {
    element.focus();
    const tops = new Set();
    for (let frame = 0; frame < 6; frame++) {
        tops.add(Math.round(element.getBoundingClientRect().top));
        await new Promise(requestAnimationFrame);
    }
    return tops.size;
}"""


async def test_a_model_comes_after_its_licence_with_a_pause_and_is_verified(at_store: Any, hub: Hub) -> None:
    console, page = at_store, at_store.page
    await console.go("models")
    row = page.locator("[data-model=own-weights]")
    await page.locator("[data-group=other] summary").click()
    await expect(row).to_contain_text("no commercial use")

    # Rows above that are laid out late would move the button away from under the pointer.
    assert await row.locator("[data-deed=download]").evaluate(PLACES_WHEN_FOCUSED) == 1
    await row.locator("[data-deed=download]").click()
    await expect(page.locator(".licence")).to_contain_text("Do as you like, but read this first.")
    await console.button("Refuse").click()
    await expect(row).to_have_attribute("data-state", "missing")

    await row.locator("[data-deed=download]").click()
    await page.locator("#accept-licence").click()
    await expect(row).to_have_attribute("data-state", "running")
    await expect(page.locator("[data-group=other] .card-head .row-note")).to_contain_text("Weights of my own: ")
    async with page.expect_response(re.compile("/pause$")):  # the rest would come before it
        await row.locator("[data-deed=pause]").click()
    hub.go_on.set()
    await expect(row).to_have_attribute("data-state", "paused")
    await row.locator("[data-deed=play]").click()
    await expect(row).to_have_attribute("data-state", "ready")

    await row.locator("[data-deed=shield]").click()
    await expect(page.locator(".toast").first).to_contain_text("Hashing the files again")
    await expect(row).to_have_attribute("data-state", "ready")
    await page.get_by_role("radio", name="Checked files", exact=True).check()
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    await expect(page.locator("table")).to_contain_text(digest[:12])
    await expect(page.locator(f"code[title='{digest}']")).to_be_visible()

    await console.go("settings")
    await expect(page.locator("#settings-connections")).to_contain_text("own-weights")
