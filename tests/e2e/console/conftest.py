"""A person at the console: a daemon in a process of its own, Chromium without a screen, and pictures to give it.

Whatever the page's policy stops, and whatever error nobody caught, fails the test it happens in.
"""

import base64
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, async_playwright, expect

from mien_models.store import ModelStore

HERE = Path(__file__).parent
PATIENCE_S = 120.0  # two slow cores that other things run on
PATIENCE_MS = 1000 * PATIENCE_S
CHROMIUM = "/usr/bin/chromium"
PAINTER = "painter:paint"  # what the worker makes instead of the product's own runtime
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SPEAK_UP = """document.addEventListener("securitypolicyviolation",
    ({ violatedDirective, blockedURI }) => console.error("Content Security Policy:", violatedDirective, blockedURI))"""
# The view listens to the person, events come, and the engines were told.
STARTED = ("main[data-view=swap] h1", ".daemon-state:not([data-state=away])", "[data-engine] + [data-engine]")
LOADING = "main .notice[role=status]:visible"
GREY, RED, BLUE = (120, 120, 120), (200, 30, 30), (30, 30, 200)


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    made = io.BytesIO()
    PIL.Image.new("RGB", (width, height), colour).save(made, "png")
    return made.getvalue()


def couple(left: tuple[int, int, int], right: tuple[int, int, int]) -> bytes:
    """Two faces, each in its half of the picture."""
    both = PIL.Image.new("RGB", (128, 64), left)
    both.paste(right, (64, 0, 128, 64))
    made = io.BytesIO()
    both.save(made, "png")
    return made.getvalue()


@dataclass(frozen=True)
class Picture:
    """A file as a person would drop it. The painter sees one face for every square in it."""

    name: str
    data: bytes

    @property
    def payload(self) -> Any:
        return {"name": self.name, "mimeType": "image/png", "buffer": self.data}


@dataclass(frozen=True)
class Pictures:
    """What a person has at hand."""

    group: Picture = Picture("group.png", png(360, 120, GREY))  # three faces
    portrait: Picture = Picture("portrait.png", png(160, 160, GREY))
    nobody: Picture = Picture("nobody.png", png(8, 160, GREY))
    ada: Picture = Picture("ada.png", png(64, 64, RED))
    couple: Picture = Picture("couple.png", couple(RED, BLUE))
    words: Picture = Picture("words.png", b"This is no picture.")
    older_ada: Picture = Picture("older-ada.png", png(72, 72, RED))
    ben: Picture = Picture("ben.png", png(64, 64, BLUE))


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    return Pictures()


# ── the daemon ──


@dataclass
class Daemon:
    """A daemon process that can be killed and started again on the same folder and port."""

    state: Path
    models: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    worker: str = PAINTER
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "painter.py", self.state, self.models, str(self.port), self.worker],
            env={**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", **self.environment},
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE_S
        while not (self.state / "daemon.json").exists():
            assert self.process.poll() is None, "the daemon ended instead of starting"
            assert time.monotonic() < deadline, "the daemon did not start"
            time.sleep(0.02)
        self.port = int(self._runtime["port"])

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)
            (self.state / "daemon.json").unlink(missing_ok=True)

    @property
    def _runtime(self) -> Any:
        return json.loads((self.state / "daemon.json").read_text())

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        text = self.fetch(path, method, None if body is None else json.dumps(body).encode())
        return json.loads(text) if text else None

    def fetch(self, path: str, method: str = "GET", body: bytes | None = None, kind: str = "application/json") -> bytes:
        headers = {"Authorization": f"Bearer {self._runtime['token']}", "Content-Type": kind}
        asked = urllib.request.Request(f"{self.origin}{path}", body, headers, method=method)  # noqa: S310 loopback
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
            return bytes(answer.read())

    def put(self, picture: bytes) -> str:
        """Send a picture; its name."""
        name = f"sha256:{hashlib.sha256(picture).hexdigest()}"
        self.fetch(f"/v1/blobs/{name}", "PUT", picture, "application/octet-stream")
        return name

    def invitation(self) -> str:
        """The address that `mien open` gives to the browser."""
        return str(self.ask("POST", "/v1/sessions", {})["url"])

    def as_origin(self, origin: str, path: str, body: object) -> Any:
        """What an extension asks, which has no token yet."""
        headers = {"Origin": origin, "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.origin}{path}", json.dumps(body).encode(), headers, method="POST")  # noqa: S310
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
            return json.loads(answer.read())

    def order(self, name: str, text: str = "") -> None:
        """Tell the painter something."""
        (self.state / name).write_text(text, encoding="ascii")

    def forget(self, *names: str) -> None:
        for name in names:
            (self.state / name).unlink(missing_ok=True)


def run_daemon(folder: Path, models: Path, *, worker: str = PAINTER, **environment: str) -> Iterator[Daemon]:
    state = folder / "state"
    state.mkdir(mode=0o700)
    running = Daemon(state, models, environment, worker=worker)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, models: ModelStore) -> Iterator[Daemon]:
    """One daemon for the tests of a file; `Console` leaves it without jobs and orders."""
    yield from run_daemon(tmp_path_factory.mktemp("console"), Path(models.root))


@pytest.fixture(scope="module")
def tiny_klein(tmp_path_factory: pytest.TempPathFactory, models: ModelStore) -> Iterator[Daemon]:
    """The product's own pipeline with `klein` on its tiny bundle, which is trusted to paint faces."""
    from mien_testing.klein_store import make_klein_store  # it imports torch, which other tests here do without
    from mien_testing.trusting_klein import WORKER

    store, catalogue = make_klein_store(tmp_path_factory.mktemp("klein"), models)
    more = {"MIEN_CATALOGUE": str(catalogue), "MIEN_DEVICE": "cpu"}
    yield from run_daemon(tmp_path_factory.mktemp("console"), store.root, worker=WORKER, **more)


# ── the browser ──


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


class Console:
    """The page, and a person who uses it."""

    def __init__(self, page: Page, context: BrowserContext, daemon: Daemon) -> None:
        self.page = page
        self.context = context
        self.daemon = daemon
        self.complaints: list[str] = []
        page.on("console", self._listen)
        page.on("filechooser", lambda _: None)  # so that dialogs are answered from the first one on
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _listen(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    async def open(self, view: str = "swap") -> None:
        await self.page.goto(self.daemon.invitation())
        for part in STARTED:
            await expect(self.page.locator(part).first).to_be_attached()
        if view != "swap":
            await self.go(view)

    async def go(self, view: str) -> None:
        await self.page.locator(f"nav a[href='#/{view}']").click()
        await expect(self.page.locator(f"main[data-view={view}] h1")).to_be_attached()
        await expect(self.page.locator(LOADING)).to_have_count(0)  # what comes would move what is pressed

    def button(self, name: str, within: str = "body") -> Locator:
        return self.page.locator(within).get_by_role("button", name=name, exact=True)

    async def choose(self, button: str, *pictures: Picture) -> None:
        """Through the browser's own file dialog."""
        async with self.page.expect_file_chooser() as dialog:
            await self.page.locator(button).click()
        await (await dialog.value).set_files([picture.payload for picture in pictures])

    async def drop(self, place: str, *pictures: Picture) -> None:
        """As from a file manager."""
        await self._hand_over("drop", place, pictures)

    async def paste(self, *pictures: Picture) -> None:
        await self._hand_over("paste", "body", pictures)

    async def _hand_over(self, event: str, place: str, pictures: Sequence[Picture]) -> None:
        files = [{"name": each.name, "data": base64.b64encode(each.data).decode()} for each in pictures]
        await self.page.locator(place).first.evaluate(
            """(element, [event, files]) => {
                const held = new DataTransfer();
                for (const { name, data } of files) {
                    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                    held.items.add(new File([bytes], name, { type: "image/png" }));
                }
                const how = { bubbles: true, cancelable: true };
                element.dispatchEvent(event === "drop" ? new DragEvent("drop", { ...how, dataTransfer: held })
                                                       : new ClipboardEvent("paste", { ...how, clipboardData: held }));
            }""",
            [event, files],
        )

    async def consent(self) -> None:
        boxes = self.page.locator("dialog input[type=checkbox]")
        await expect(boxes).to_have_count(2)
        for box in await boxes.all():
            await box.check()
        await self.button("I confirm this").click()

    async def ready(self, target: Picture, *references: Picture) -> None:
        """A target and people with one picture each, ready to swap."""
        await self.choose("#choose-target", target)
        await expect(self.page.locator(".box").first).to_be_visible()
        first, *others = references
        await self.choose("#choose-reference", first)
        await self.consent()
        for count, other in enumerate(others, start=1):
            await expect(self.page.locator(".tile")).to_have_count(count)
            await self.choose("#choose-reference", other)
        await expect(self.page.locator(".tile")).to_have_count(len(references))
        await expect(self.page.locator("#swap")).to_be_enabled()

    async def swap(self) -> None:
        await self.page.locator("#swap").click()

    async def result_shown(self) -> None:
        await expect(self.page.locator(".compare .layer img").first).to_be_visible()
        await self.page.locator(".compare img").evaluate_all("all => Promise.all(all.map((img) => img.decode()))")

    async def job(self) -> Any:
        """The newest job, as the daemon tells it."""
        return self.daemon.ask("GET", "/v1/jobs?limit=1")["jobs"][0]

    def result_of(self, job: Any) -> PIL.Image.Image:
        return PIL.Image.open(io.BytesIO(self.daemon.fetch(f"/v1/jobs/{job['id']}/result"))).convert("RGB")


async def at_console(chromium: Browser, daemon: Daemon, **context: Any) -> AsyncIterator[Console]:
    usual: dict[str, Any] = {"viewport": {"width": 1280, "height": 820}, "locale": "en-US", "reduced_motion": "reduce"}
    opened = await chromium.new_context(**{**usual, **context})
    opened.set_default_timeout(PATIENCE_MS)
    await opened.add_init_script(SPEAK_UP)
    expect.set_options(timeout=PATIENCE_MS)
    console = Console(await opened.new_page(), opened, daemon)
    yield console
    await opened.close()
    daemon.forget("hold", "fail-no-face-found", "fail-content-blocked")
    for job in daemon.ask("GET", "/v1/jobs?state=queued,running")["jobs"]:
        with suppress(OSError):
            daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    daemon.ask("POST", "/v1/queue/resume")
    assert not console.complaints


@pytest_asyncio.fixture(loop_scope="module")
async def console(chromium: Browser, daemon: Daemon) -> AsyncIterator[Console]:
    """The console in a browser profile of its own, open and signed in."""
    async for opened in at_console(chromium, daemon):
        await opened.open()
        yield opened


@pytest.fixture
def new_page(chromium: Browser, daemon: Daemon) -> Callable[..., AsyncIterator[Console]]:
    """The console as another person's browser shows it: another language, colour scheme or size."""

    async def opened(**context: Any) -> AsyncIterator[Console]:
        async for console in at_console(chromium, daemon, **context):
            await console.open()
            yield console

    return opened


@pytest.fixture
def new_console(chromium: Browser) -> Callable[..., AsyncIterator[Console]]:
    """The console of a daemon that one test alone may kill."""

    async def opened(folder: Path, models: Path, **more: Any) -> AsyncIterator[Console]:
        for own in run_daemon(folder, models, **more):
            async for console in at_console(chromium, own):
                await console.open()
                yield console

    return opened


@pytest_asyncio.fixture(loop_scope="module")
async def at_own_daemon(new_console: Any, tmp_path: Path, models: ModelStore) -> AsyncIterator[Console]:
    async for console in new_console(tmp_path, Path(models.root)):
        yield console
