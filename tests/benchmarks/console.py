"""The console: how soon its first view stands, how much it weighs, and whether long lists stay smooth.

Chromium without a screen on this machine, a daemon process on loopback. Times are of the page's own clock.
"""

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LOOKS = 7
JOBS = 500
# The moment the first view is there and painted, on the page's clock, which starts with the navigation.
WATCH = """new MutationObserver((_, watch) => {
    if (!document.querySelector(".studio")) return;
    watch.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.shownAt = performance.now() }));
}).observe(document, { childList: true, subtree: true })"""
SHOWN = """() => new Promise((resolve) => {
    const look = () => window.shownAt ? resolve(window.shownAt) : requestAnimationFrame(look);
    look();
})"""
WEIGHT = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(({ name }) => !name.includes("/v1/")).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
FRAMES = """async () => {
    const main = document.querySelector("main"), frames = [];
    for (let last = performance.now(), turn = 0; turn < 120; turn++) {
        main.scrollTop += 300;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
    }
    return frames;
}"""


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        state = Path(folder) / "state"
        with daemon(state, store):
            pass  # makes the database that is filled now
        fill(state)
        with daemon(state, store) as port:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            looks = [first_look(browser, state, port) for _ in range(LOOKS)]
            yield Row("first view on loopback", statistics.median(at for at, _ in looks), "ms", 300)
            yield Row("first view, everything it loads", looks[0][1] / 1e6, "MB", 0.2)
            yield Row("scrolling 500 jobs, 95th percentile of a frame", frames_of_jobs(browser, state, port), "ms")
            browser.close()


@contextmanager
def daemon(state: Path, store: ModelStore) -> Generator[int]:
    """A daemon process on `state`; yields its port."""
    command = [sys.executable, "-m", "mien_cli", "serve", "--foreground", "--port", "0", "--state-dir", str(state)]
    process = subprocess.Popen([*command, "--models-dir", str(store.root)], stderr=subprocess.DEVNULL)
    try:
        while not (state / "daemon.json").exists():
            time.sleep(0.02)
        yield int(json.loads((state / "daemon.json").read_text(encoding="utf-8"))["port"])
    finally:
        process.terminate()
        process.wait()


def invitation(state: Path, port: int) -> str:
    token = json.loads((state / "daemon.json").read_text(encoding="utf-8"))["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/v1/sessions", b"{}", headers)
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        return str(json.loads(answer.read())["url"])


def first_look(browser: Browser, state: Path, port: int) -> tuple[float, int]:
    """Milliseconds until the first view is painted and bytes of everything it loaded, with an empty cache."""
    with page_of(browser, state, port) as page:
        shown = float(page.evaluate(SHOWN))
        return shown, int(page.evaluate(WEIGHT))


def frames_of_jobs(browser: Browser, state: Path, port: int) -> float:
    with page_of(browser, state, port) as page:
        page.click("nav a[href='#/jobs']")
        more = page.get_by_role("button", name="Show older jobs")
        for loaded in range(100, JOBS, 100):
            page.locator(".row").nth(loaded - 1).wait_for(state="attached")
            more.click()
        page.locator(".row").nth(JOBS - 1).wait_for(state="attached")
        page.evaluate("document.querySelector('main').scrollTop = 0")
        frames: list[float] = page.evaluate(FRAMES)
        return statistics.quantiles(frames, n=20)[-1]


@contextmanager
def page_of(browser: Browser, state: Path, port: int) -> Generator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 820}, locale="en-US")
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(invitation(state, port))
    yield page
    context.close()


def fill(state: Path) -> None:
    """Five hundred jobs that were cancelled long ago."""
    now = time.time()
    common: dict[str, Any] = {"owner": "local", "kind": "swap", "state": "cancelled", "priority": 0, "attempts": 1}
    pictures = {"target": f"sha256:{'0' * 64}", "reference": json.dumps([f"sha256:{'0' * 64}"]), "options": "{}"}
    with sqlite3.connect(state / "mien.db") as database:
        for number in range(JOBS):
            at = now - number
            times = {"position": number, "created_at": at, "finished_at": at, "expires_at": now + 1e6}
            row = {"id": f"{number:024x}", **common, **pictures, **times}
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({marks})", list(row.values()))  # noqa: S608
    database.close()
