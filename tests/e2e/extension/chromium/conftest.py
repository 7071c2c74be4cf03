"""Chromium with the extension in it, driven as a person drives it: mouse, keyboard, eyes that see closed shadows."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Page, Playwright, Worker, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from mien_testing.desktop import end

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--test-type",  # no bar about the flags, so that pictures are where they are
    "--lang=en",
    "--window-position=0,0",
    "--window-size=1200,860",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
SHOWS_RESULT = "(s) => { const i = document.querySelector(s); return i.src.startsWith('blob:') && i.naturalWidth > 0; }"
RED = (200, 40, 40)
GREEN = (20, 200, 60)
PATIENCE_MS = 120_000.0  # two slow cores that other things run on as well


def arguments_for(extension: Path, site_port: int) -> list[str]:
    """The site stands for the public internet: what a page of it may not reach, Local Network Access stops."""
    return [
        *ARGUMENTS,
        f"--disable-extensions-except={extension}",
        f"--load-extension={extension}",
        f"--ip-address-space-overrides=127.0.0.1:{site_port}=public",
    ]


@dataclass
class Seen:
    """What the extension shows over one picture."""

    words: str
    buttons: dict[str, int]  # label → backend node id

    def __contains__(self, words: str) -> bool:
        return words in self.words


class Overlays:
    """The closed shadow roots of a page, as only a debugger sees them."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    def seen(self) -> list[Seen]:
        root = self._session.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"]
        return [_read(shadow) for shadow in _closed(root)]

    def press_point(self, node: int) -> tuple[float, float]:
        quad = self._session.send("DOM.getBoxModel", {"backendNodeId": node})["model"]["content"]
        return (quad[0] + quad[4]) / 2, (quad[1] + quad[5]) / 2

    def place_of(self, label: str) -> tuple[float, float] | None:
        """Where a button is; None while it is not to be seen."""
        node = next((seen.buttons[label] for seen in self.seen() if label in seen.buttons), None)
        try:
            return None if node is None else self.press_point(node)
        except PlaywrightError:  # it is not laid out, or was drawn anew since
            return None


def _closed(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for shadow in node.get("shadowRoots", []):
        if shadow.get("shadowRootType") == "closed" and "hidden" not in node.get("attributes", []):
            yield shadow
    for child in [*node.get("children", []), *node.get("shadowRoots", [])]:
        yield from _closed(child)
    if "contentDocument" in node:
        yield from _closed(node["contentDocument"])


def _read(shadow: dict[str, Any]) -> Seen:
    words: list[str] = []
    buttons: dict[str, int] = {}

    def walk(node: dict[str, Any]) -> None:
        attributes = node.get("attributes", [])
        named = dict(zip(attributes[::2], attributes[1::2], strict=True))
        if node["nodeName"] == "BUTTON":
            buttons[named.get("aria-label", "")] = node["backendNodeId"]
        if node["nodeName"] == "STYLE":
            return
        if node["nodeName"] == "#text":
            words.append(node["nodeValue"])
        for child in node.get("children", []):
            walk(child)

    walk(shadow)
    return Seen(" ".join(words), buttons)


class Chromium:
    """A person at a browser."""

    def __init__(
        self, context: BrowserContext, worker: Worker, screen: Any, until: Callable[..., Any], shots: Path
    ) -> None:
        self.context = context
        self.worker = worker
        self.screen = screen
        self.until = until
        self.shots = shots
        self.id = worker.url.split("/")[2]

    def pair(self, daemon: Any) -> None:
        """A person compares the digits and says yes on both sides."""
        self.worker.evaluate("(port) => chrome.storage.local.set({ port })", daemon.port)
        options = self.own_page("ui/options.html#pairing")
        terminal = daemon.mien("pair")
        assert "open" in terminal.stderr.readline()
        options.click("#pair")
        options.click("#same")
        terminal.communicate("y\n", timeout=PATIENCE_MS / 1000)
        options.wait_for_selector("#paired:not([hidden])")
        options.close()

    def choose_first_face(self) -> None:
        popup = self.own_page("ui/popup.html")
        popup.locator("label.face").first.click()
        self.until(lambda: self.worker.evaluate("chrome.storage.local.get('reference').then((kept) => kept.reference)"))
        popup.close()

    def choose(self, reference: dict[str, Any]) -> None:
        """This face, first in the menu."""
        face = {"id": reference["id"], "name": reference["name"]}
        kept = {"reference": face, "recentReferences": [face]}
        self.worker.evaluate("(kept) => chrome.storage.local.set(kept)", kept)

    def open(self, url: str) -> Page:
        page = self.context.new_page()
        page.goto(url)
        page.bring_to_front()
        return page

    def own_page(self, path: str) -> Page:
        return self.open(f"chrome-extension://{self.id}/{path}")

    def overlays(self, page: Page) -> Overlays:
        return Overlays(self.context.new_cdp_session(page))

    def on_screen(self, page: Page, selector: str) -> tuple[int, int]:
        """The middle of an element, in pixels of the screen."""
        page.locator(selector).first.scroll_into_view_if_needed()
        x, y = page.evaluate(
            """(selector) => {
                const box = document.querySelector(selector).getBoundingClientRect();
                const [side, top] = [(outerWidth - innerWidth) / 2, outerHeight - innerHeight];
                return [screenX + side + box.x + box.width / 2, screenY + top + box.y + box.height / 2];
            }""",
            selector,
        )
        return round(x), round(y)

    def right_click(self, page: Page, selector: str, *keys: str) -> None:
        """A real right click, and keys in the browser's own menu."""
        page.bring_to_front()
        self.screen.right_click(*self.on_screen(page, selector), *keys)

    def swap(self, page: Page, selector: str) -> None:
        """Swap face → the first recent reference. Our entry stands above Inspect."""
        self.right_click(page, selector, "Up", "Up", "Right", "Return")

    def swap_here(self, page: Page, selector: str) -> None:
        """The same, where the browser sees no image and its menu has another entry below ours."""
        self.right_click(page, selector, "Up", "Up", "Up", "Right", "Return")

    def swap_by_key(self, page: Page, selector: str) -> None:
        """The key, after a click that leads to nothing."""
        self.right_click(page, selector, "Escape", "alt+shift+s")

    def allow(self) -> None:
        """Say yes to the browser's own question, which takes no click just after it came, nor just after such a one."""
        right, bottom = self.until(self.question)

        def is_answered() -> bool:
            self.screen.xdotool("mousemove", right - 55, bottom - 39, "sleep", 1.2)
            if self.question():
                self.screen.xdotool("click", 1, "sleep", 0.3)
            return not self.question()

        self.until(is_answered)

    def refuse(self) -> None:
        """Say no to it."""
        self.until(self.question)

        def is_answered() -> bool:
            self.screen.keys("Escape")
            return not self.question()

        self.until(is_answered)

    def question(self) -> tuple[int, int] | None:
        """The lower right corner of the browser's own question: all else is dimmed while it is open."""
        white = self.screen.picture().convert("L").point([0] * 255 + [255]).getbbox()
        return white[2:] if white and white[3] < 600 else None

    def colour_at(self, page: Page, selector: str) -> tuple[int, ...]:
        """What is really to be seen in the middle of an element."""
        return tuple(self.screen.colour_at(*self.on_screen(page, selector)))

    def sees(self, page: Page, selector: str, colour: tuple[int, int, int]) -> None:
        def is_there() -> bool:
            return all(abs(one - other) < 12 for one, other in zip(self.colour_at(page, selector), colour, strict=True))

        self.see(is_there, f"{selector} is not {colour}")

    def see(self, claim: Callable[[], object], complaint: str) -> Any:
        try:
            return self.until(claim)
        except AssertionError as error:
            shot = self.shots / f"{len(list(self.shots.iterdir()))}.png"
            self.screen.picture().save(shot)
            kept = self.worker.evaluate("chrome.storage.session.get(null)")
            jobs = [job.get("problem") or job["state"] for name, job in kept.items() if name.startswith("job:")]
            told = f"what was to be seen is in {shot}; the jobs are {jobs}; the notice is {kept.get('notice')}"
            raise AssertionError(f"{complaint}; {told}") from error

    def shows_result(self, page: Page, selector: str) -> bool:
        """The picture is a whole one that came from us."""
        return bool(page.evaluate(SHOWS_RESULT, selector))

    def sees_green(self, page: Page, selector: str = "img") -> None:
        """The result is in place."""
        self.sees(page, selector, GREEN)

    def sees_red(self, page: Page, selector: str = "img") -> None:
        """The original is in place."""
        self.sees(page, selector, RED)

    def wait_for(self, page: Page, words: str) -> Seen:
        overlays = self.overlays(page)
        found: Seen = self.see(
            lambda: next((seen for seen in overlays.seen() if words in seen), None), f"{words!r} is not said"
        )
        return found

    def press(self, page: Page, label: str) -> None:
        """A real click on a button in a closed shadow root."""
        page.mouse.click(*self.place_of(page, label))

    def hover_mark(self, page: Page) -> None:
        """The pointer on the small mark of an edited picture, which opens it."""
        seen = self.wait_for(page, "Edited with Mien")
        badge = next(node for label, node in seen.buttons.items() if label.startswith("Edited with Mien"))
        page.mouse.move(*self.overlays(page).press_point(badge))

    def place_of(self, page: Page, label: str) -> tuple[float, float]:
        """Where a button is, in the page's own pixels, as soon as it is to be seen and moves no more."""
        overlays = self.overlays(page)
        looks: list[tuple[float, float] | None] = [None]

        def rests() -> tuple[float, float] | None:
            looks.append(overlays.place_of(label))
            return looks[-1] if looks[-1] == looks[-2] else None

        place: tuple[float, float] = self.until(rests)
        return place

    def undo(self, page: Page) -> None:
        self.hover_mark(page)
        self.press(page, "Undo")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def launch(playwright: Playwright, site: Any, unpacked: Path, until: Callable[..., Any], tmp_path_factory: Any) -> Any:
    """Start a driven Chromium with this profile on this screen."""

    @contextmanager
    def running(profile: Path, screen: Any) -> Generator[Chromium]:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path="/usr/bin/chromium",
            headless=False,
            no_viewport=True,
            env=screen.environment,
            ignore_default_args=["--enable-automation"],
            args=arguments_for(unpacked, site.port),
        )
        context.set_default_timeout(PATIENCE_MS)
        workers = context.service_workers
        worker = workers[0] if workers else context.wait_for_event("serviceworker", timeout=PATIENCE_MS)
        yield Chromium(context, worker, screen, until, tmp_path_factory.mktemp("shots"))
        context.close()

    return running


@pytest.fixture(scope="session")
def browser(launch: Any, screen: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Chromium, not yet paired."""
    with launch(tmp_path_factory.mktemp("chromium"), screen) as running:
        yield running


@pytest.fixture(scope="session")
def paired(browser: Chromium, daemon_process: Any) -> Chromium:
    """Chromium, paired with the daemon by a person who compared the digits, with a face chosen in the popup."""
    browser.pair(daemon_process)
    browser.choose_first_face()
    return browser


@pytest.fixture
def person(paired: Chromium, daemon: Any) -> Iterator[Chromium]:
    """The paired browser with one empty tab before and after."""
    yield paired
    for page in paired.context.pages[1:]:
        page.close()


# ── a browser that nobody drives ──


REPORTER = """<img src=/face.png alt=face><script>
const image = document.images[0];
const report = async () => {
  await fetch('/report', { method: 'POST', body: JSON.stringify({
    x: screenX + (outerWidth - innerWidth) / 2 + image.x + image.width / 2,
    y: screenY + outerHeight - innerHeight + image.y + image.height / 2,
    source: image.src.split(':')[0], results: performance.getEntriesByType('mark').length,
  }) });
  setTimeout(report, 500);
};
const look = () => image.src.startsWith('blob:') && performance.mark('result');
new MutationObserver(look).observe(image, { attributes: true });
image.decode().then(report);
</script>"""


class Undriven:
    """Chromium without a debugger: seen in what its page reports, worked with the mouse, ended by its processes."""

    def __init__(self, process: "subprocess.Popen[bytes]", site: Any) -> None:
        self.process = process
        self._site = site
        self.begun_at = 0.0

    def report(self) -> dict[str, Any] | None:
        reports = self._site.requests_for("/report")
        return json.loads(reports[-1].body) if reports else None

    def background_processes(self) -> list[int]:
        """The processes that run extensions, and nothing but extensions."""
        return [pid for pid in _descendants(self.process.pid) if b"--extension-process" in _command_line(pid)]

    def kill_background(self) -> None:
        for pid in self.background_processes():
            os.kill(pid, signal.SIGKILL)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _descendants(root: int) -> list[int]:
    found = [root]
    for pid in found:
        try:
            tasks = Path(f"/proc/{pid}/task").iterdir()
            found += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found[1:]


@pytest.fixture(scope="session", autouse=True)
def sleeper(
    launch: Any,
    site: Any,
    unpacked: Path,
    second_screen: Any,
    second_daemon: Any,
    until: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Undriven]:
    """Begun before the other tests and looked at after them: a job of a minute whose background is killed at once."""
    profile = tmp_path_factory.mktemp("undriven")
    with launch(profile, second_screen) as driven:
        driven.pair(second_daemon)
        driven.choose_first_face()
    second_daemon.hold()
    as_driven = ["--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable", "--password-store=basic"]
    command = ["/usr/bin/chromium", f"--user-data-dir={profile}", *as_driven, *arguments_for(unpacked, site.port)]
    url = site.page("/undriven", REPORTER)
    site.answers["/report"] = type(site.answers["/undriven"])(b"")
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, env=second_screen.environment, stdout=silent, stderr=silent)
    browser = Undriven(process, site)
    until(browser.background_processes)
    # A page given on the first command line would wait for ever: Chromium holds it back for the rules of an extension
    # that is itself only loaded by that command line.
    subprocess.run([*command, url], env=second_screen.environment, stdout=silent, stderr=silent, check=True)
    report = until(browser.report)

    def swap() -> bool:
        """Our menu is there as soon as the extension has made it; before, the entry in its place opens none."""
        second_screen.xdotool("mousemove", round(report["x"]), round(report["y"]), "sleep", 0.3)
        if second_screen.opens_menu("click", "3", patience_s=20):
            second_screen.keys("Up", "Up")
            if second_screen.opens_menu("key", "Right", patience_s=3):
                second_screen.keys("Return")
                return True
        second_screen.keys("Escape", "Escape")
        return False

    until(swap)
    until(second_daemon.jobs)
    until(lambda: second_daemon.jobs()[0]["state"] == "running")
    browser.kill_background()
    browser.begun_at = time.monotonic()
    yield browser
    end(process)
