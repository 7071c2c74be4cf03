"""The console: how soon its first view stands, how much it weighs, and whether long lists stay smooth.

Chromium without a screen on this machine, a daemon process on loopback. Times are of the page's own clock; of the
longest task its processor time too, which another program on the machine does not lengthen.
"""

import hashlib
import io
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import PIL.Image
from playwright.sync_api import Browser, Page, sync_playwright

from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LOOKS = 7
JOBS = 500
RESULTS = 1000
TILES = 8
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
REQUESTS = """performance.getEntriesByType("resource").filter(({ name }) => !name.includes("/v1/")).length + 1"""
# Whatever has kept the page from answering for more than 50 ms.
TASKS = """() => new Promise((resolve) => {
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)))
        .observe({ type: "longtask", buffered: true });
    setTimeout(() => resolve(tasks), 100);
})"""
TRACED = ["toplevel"]  # every task of every thread, and which of them a message from outside began
DRIVEN = "Receive mojo message"  # what asks the page from outside: the driver of this benchmark
# From the press of the link until the first tiles show their pictures.
TILES_SHOWN = """(count) => new Promise((resolve) => {
    const pressed = performance.now();
    document.querySelector("nav a[href='#/results']").click();
    const look = () => {
        const tiles = [...document.querySelectorAll(".shot img")].slice(0, count);
        const there = tiles.length === count && tiles.every((image) => image.complete && image.naturalWidth);
        return there ? resolve(performance.now() - pressed) : requestAnimationFrame(look);
    };
    look();
})"""
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


def make_tile() -> bytes:
    """A small picture with something in it, as the daemon keeps one of every result."""
    made = io.BytesIO()
    PIL.Image.effect_mandelbrot((400, 300), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(made, "jpeg", quality=85)
    return made.getvalue()


TILE = make_tile()


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        with filled(Path(folder) / "jobs", store, [cancelled(number) for number in range(JOBS)]) as (state, port):
            looks = [first_look(browser, state, port) for _ in range(LOOKS)]
            yield Row("first view on loopback", statistics.median(look[0] for look in looks), "ms", 250)
            yield Row("first view, everything it loads", looks[0][1] / 1e6, "MB", 0.16)
            yield Row("first view, requests for files", looks[0][2], "requests", 30)
            yield Row("first view, the longest task", statistics.median(look[3] for look in looks), "ms", 50)
            frame_ms, task_ms, processor_ms = look_at_jobs(browser, state, port)
            yield Row("scrolling 500 jobs, 95th percentile of a frame", frame_ms, "ms")
            yield Row("500 jobs, opened, loaded and scrolled: the longest task", task_ms, "ms", 50)
            yield Row("500 jobs: the longest task by its processor time", processor_ms, "ms", 50)
        with filled(Path(folder) / "results", store, [done(number) for number in range(RESULTS)]) as (state, port):
            tiles = [first_tiles(browser, state, port) for _ in range(LOOKS)]
            yield Row("1,000 results, the first tiles", statistics.median(tiles), "ms", 300)
            task_ms, processor_ms = look_at_results(browser, state, port)
            yield Row("1,000 results, loaded and scrolled: the longest task", task_ms, "ms", 50)
            yield Row("1,000 results: the longest task by its processor time", processor_ms, "ms", 50)
        browser.close()


@contextmanager
def filled(state: Path, store: ModelStore, jobs: Sequence[Mapping[str, Any]]) -> Generator[tuple[Path, int]]:
    """A daemon with these jobs, and its port."""
    with daemon(state, store):
        pass  # makes the database that is filled now
    with sqlite3.connect(state / "mien.db") as database:
        for row in jobs:
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({marks})", list(row.values()))  # noqa: S608
            if row["state"] == "done":
                (state / "results" / row["id"]).write_bytes(TILE)
                (state / "thumbnails" / row["id"]).write_bytes(TILE)
    database.close()
    with daemon(state, store) as port:
        yield state, port


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


def first_look(browser: Browser, state: Path, port: int) -> tuple[float, int, int, float]:
    """Milliseconds until the first view is painted; bytes and number of the files it loaded, with an empty cache; and
    milliseconds of its longest task, 0 where none took 50."""
    with page_of(browser, state, port) as page:
        shown = float(page.evaluate(SHOWN))
        tasks: list[float] = page.evaluate(TASKS)
        return shown, int(page.evaluate(WEIGHT)), int(page.evaluate(REQUESTS)), max(tasks, default=0.0)


def look_at_jobs(browser: Browser, state: Path, port: int) -> tuple[float, float, float]:
    """Milliseconds of a frame while all of them are scrolled, and of the longest task since the view was opened."""
    with page_of(browser, state, port) as page:
        page.evaluate(SHOWN)
        browser.start_tracing(page=page, categories=TRACED)
        page.click("nav a[href='#/jobs']")
        more = page.locator("button", has_text="Show older jobs")
        for loaded in range(100, JOBS, 100):
            page.locator(".row").nth(loaded - 1).wait_for(state="attached")
            more.click()
        page.locator(".row").nth(JOBS - 1).wait_for(state="attached")
        page.click("nav a[href='#/settings']")
        page.click("nav a[href='#/jobs']")
        page.locator(".row").nth(JOBS - 1).wait_for(state="attached")
        page.evaluate("document.querySelector('main').scrollTop = 0")
        frames: list[float] = page.evaluate(FRAMES)
        return statistics.quantiles(frames, n=20)[-1], *longest_task(browser.stop_tracing())


def first_tiles(browser: Browser, state: Path, port: int) -> float:
    """Milliseconds until the first tiles show their pictures, pressed for as soon as the first view is there."""
    with page_of(browser, state, port) as page:
        page.evaluate(SHOWN)
        return float(page.evaluate(TILES_SHOWN, TILES))


def look_at_results(browser: Browser, state: Path, port: int) -> tuple[float, float]:
    """Milliseconds of the longest task until all results were scrolled past."""
    with page_of(browser, state, port) as page:
        page.evaluate(SHOWN)
        browser.start_tracing(page=page, categories=TRACED)
        page.evaluate(TILES_SHOWN, TILES)
        while page.locator(".shot").count() < RESULTS:
            page.evaluate(FRAMES)
        page.evaluate("document.querySelector('main').scrollTop = 0")
        page.evaluate(FRAMES)
        return longest_task(browser.stop_tracing())


def longest_task(trace: bytes) -> tuple[float, float]:
    """Milliseconds of the longest task of a page's main thread, by the clock and by processor time; not of those in
    which the driver asked the page for something."""
    events = json.loads(trace)["traceEvents"]
    named = [each for each in events if each["name"] == "thread_name"]
    mains = {(each["pid"], each["tid"]) for each in named if each["args"]["name"] == "CrRendererMain"}
    spans = [each for each in events if each["ph"] == "X" and (each["pid"], each["tid"]) in mains]
    driven = sorted(each["ts"] for each in spans if each["name"] == DRIVEN)
    tasks = [each for each in spans if each["name"].endswith("RunTask")]
    own = [each for each in tasks if not any_within(driven, each["ts"], each["ts"] + each["dur"])]
    by_clock, by_processor = (max((each.get(name, 0) / 1000 for each in own), default=0.0) for name in ("dur", "tdur"))
    return by_clock, by_processor


def any_within(moments: Sequence[int], begin: int, end: int) -> bool:
    """Whether one of these moments, in order, lies between two others."""
    return bisect_left(moments, begin) < bisect_right(moments, end)


@contextmanager
def page_of(browser: Browser, state: Path, port: int) -> Generator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 820}, locale="en-US")
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(invitation(state, port))
    yield page
    context.close()


def cancelled(number: int) -> dict[str, Any]:
    """A job that was cancelled so many seconds ago."""
    at = time.time() - number
    picture = f"sha256:{'0' * 64}"
    common = {"id": f"{number:024x}", "owner": "local", "kind": "swap", "state": "cancelled", "priority": 0}
    told = {"target": picture, "reference": json.dumps([[picture]]), "options": "{}", "attempts": 1}
    return {**common, **told, "position": number, "created_at": at, "finished_at": at, "expires_at": at + 1e6}


def done(number: int) -> dict[str, Any]:
    """A job whose result is kept, of a day of its own for every hundred."""
    at = time.time() - number - 86_400 * (number // 100)
    face = {"index": 0, "bbox": [60, 40, 140, 140], "swapped": True, "identity": None, "warnings": []}
    result = {"engine": "mesh", "seconds": 1.0, "stages": {}, "size": [400, 300], "faces": [face], "models": []}
    label = {"target": f"picture {number}.jpg", "references": ["Eileen.png"]}
    kept = {"result": json.dumps(result), "media_type": "image/jpeg", "result_sha256": hashlib.sha256(TILE).hexdigest()}
    times = {"created_at": at, "finished_at": at, "expires_at": time.time() + 1e6}
    return {**cancelled(number), "state": "done", **kept, **times, "label": json.dumps(label)}
