"""The extension: how soon the overlay lies over a picture that was right-clicked, and what the browser adds to a swap.

Chromium on a screen of its own, a real mouse and a real keyboard, a daemon process with the mesh engine on loopback.
Times begin when the key is sent that presses the menu's entry (starting `xdotool` is part of them) and end when the
page has painted. The time of a swap is told leg by leg as well, each over the time of the same job by API: together
they are about the ratio of the whole.
"""

import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import PIL.Image
from playwright.sync_api import BrowserContext, Page, sync_playwright

from mien_api.client import DaemonClient
from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row

EXTENSION = Path(__file__).parents[2] / "extension"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--test-type",  # no bar about the flags
    "--window-position=0,0",
    "--window-size=1200,860",
    f"--disable-extensions-except={EXTENSION}",
    f"--load-extension={EXTENSION}",
]
SIDE = 1000  # 1 MP
TURNS = 7
SWAPS = 50
# When the overlay was painted, when the page had the result, and when the browser presented it, on the clock that
# Python reads.
PAGE = """<!doctype html><title>picture</title><body style="margin:0">
<img src="NAME" elementtiming="picture" width=600 height=600><script>
const painted = (name) => requestAnimationFrame(() => requestAnimationFrame(() => {
  window[name] ??= performance.timeOrigin + performance.now();
}));
new MutationObserver(() => painted("covered")).observe(document.documentElement, { childList: true });
const image = document.images[0];
window.results = 0;
const look = () => {
  if (image.src.startsWith("blob:")) window.delivered ??= performance.timeOrigin + performance.now();
};
image.addEventListener("load", () => (window.results += image.src.startsWith("blob:")));
new PerformanceObserver((list) => {
  for (const { url, renderTime } of list.getEntries())
    if (url.startsWith("blob:")) window.swapped ??= performance.timeOrigin + renderTime;
}).observe({ type: "element" });
new MutationObserver(look).observe(image, { attributes: true });
</script>"""

# The menu's entry with the face, as the browser would tell of it.
PRESS = """async (srcUrl) => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  const { reference } = await chrome.storage.local.get("reference");
  const info = { menuItemId: `swap/face:${reference.id}`, mediaType: "image", srcUrl, frameId: 0 };
  chrome.contextMenus.onClicked.dispatch(info, tab);
}"""
# When the menu told of the click, and what the extension has asked for since: when it asked, when the answer was there.
LISTEN = """() => chrome.contextMenus.onClicked.addListener(() => {
  self.clicked = performance.timeOrigin + performance.now();
  performance.clearResourceTimings();
})"""
ASKED = """() => {
  const moment = (at) => performance.timeOrigin + at;
  const ends = ({ name, startTime, responseEnd }) => [name, moment(startTime), moment(responseEnd)];
  return [self.clicked, performance.getEntriesByType("resource").map(ends)];
}"""
ASKING, ANSWERED = 1, 2
# What ends each leg that the extension's requests tell of: the last that was asked, or answered, of such an address.
REQUESTS = {
    "the picture is found": (r"/\d+\.jpg$", ASKING),
    "the picture is read and the daemon proved": (r"/\d+\.jpg$|/v1/pair/sessions/[^/]+$", ANSWERED),
    "the picture is sent": (r"/v1/jobs$", ASKING),
    "the job is posted": (r"/v1/jobs$", ANSWERED),
    "the job is done": (r"/v1/jobs/[^/]+$", ANSWERED),
    "the result is fetched": (r"/result$", ANSWERED),
}
LEGS = ["the menu tells of the click", *REQUESTS, "the page has the result", "the result is painted"]


def rows(store: ModelStore) -> Iterator[Row]:
    target, reference = (store.path("demo-portraits", name) for name in ("mona_lisa.jpg", "astronaut.png"))
    with (
        tempfile.TemporaryDirectory() as folder,
        daemon(Path(folder) / "state", store) as client,
        site(Path(folder) / "site") as pages,
        screen() as display,
        sync_playwright() as playwright,
    ):
        face = add_face(client, reference.read_bytes())
        context = playwright.chromium.launch_persistent_context(
            Path(folder) / "profile",
            executable_path=CHROMIUM,
            headless=False,
            no_viewport=True,
            env={**os.environ, "DISPLAY": display},
            ignore_default_args=["--enable-automation"],
            args=ARGUMENTS,
        )
        pair(context, client, face)
        (worker,) = context.service_workers
        worker.evaluate(LISTEN)
        overlays: list[float] = []
        swaps: list[list[float]] = []
        slower: list[float] = []
        for turn in range(TURNS + 1):
            began = time.perf_counter()
            client.swap(picture(target, 2 * turn), face, {"faces": "largest"})
            by_api_ms = (time.perf_counter() - began) * 1000
            alone_s = seconds_of_last_job(client)
            (pages.folder / f"{turn}.jpg").write_bytes(picture(target, 2 * turn + 1))
            overlay_ms, legs_ms = swap(context, display, pages.page(turn))
            if turn:  # the first is for warming up
                overlays.append(overlay_ms)
                swaps.append([leg_ms / by_api_ms for leg_ms in legs_ms])
                slower.append(seconds_of_last_job(client) / alone_s)
        grown = swap_over_and_over(context, pages.page(0))
        context.close()
        yield Row("right click to overlay", statistics.median(overlays), "ms", 150)
        whole = statistics.median(sum(legs) for legs in swaps)
        yield Row("right click to replaced picture over the same job by API, 1 MP", whole, "ratio", 1.15)
        for name, shares in zip(LEGS, zip(*swaps, strict=True), strict=True):
            yield Row(f"of that, until {name}", statistics.median(shares), "ratio")
        yield Row(
            "the worker's own time for a swap from the browser over that by API", statistics.median(slower), "ratio"
        )
        yield Row("a page's heap after 50 swaps of one picture, over that after the first", grown, "ratio", 1.2)


def picture(path: Path, number: int) -> bytes:
    """1 MP, and for every number another file, so that nothing is known of it from before."""
    image = PIL.Image.open(path).convert("RGB")
    side = min(image.size)
    image = image.crop((0, 0, side, side)).resize((SIDE, SIDE))
    image.paste((number, number, number), (0, 0, 8, 8))
    made = io.BytesIO()
    image.save(made, "jpeg", quality=90)
    return made.getvalue()


def seconds_of_last_job(client: DaemonClient) -> float:
    return float(client.request("GET", "/v1/jobs?limit=1")["jobs"][0]["result"]["seconds"])


def swap(context: BrowserContext, display: str, url: str) -> tuple[float, list[float]]:
    """Milliseconds from the press of the menu's entry to the overlay, and those of each leg to the painted result."""
    page = context.new_page()
    page.goto(url)
    page.bring_to_front()
    page.wait_for_function("document.images[0].naturalWidth > 0")
    x, y = on_screen(page)
    press(display, "mousemove", x, y, "sleep", "0.1")
    open_menu(display, "click", "3")
    press(display, "key", "Up", "Up")
    open_menu(display, "key", "Right")
    began = time.time() * 1000
    press(display, "key", "Return")
    page.wait_for_function("window.swapped", polling=250, timeout=60_000)  # asked each frame, it would cost frames
    covered, delivered, painted = page.evaluate("[window.covered, window.delivered, window.swapped]")
    (worker,) = context.service_workers
    clicked, asked = worker.evaluate(ASKED)
    page.close()
    moments = [began, clicked, *(moment(asked, *request) for request in REQUESTS.values()), delivered, painted]
    return covered - began, [after - before for before, after in pairwise(moments)]


def moment(asked: Sequence[Sequence[Any]], address: str, end: int) -> float:
    """When the last request of such an address was asked, or answered."""
    return max(float(request[end]) for request in asked if re.search(address, request[0].partition("?")[0]))


def swap_over_and_over(context: BrowserContext, url: str) -> float:
    """How much larger the page's heap is, with all of its worlds and after the rubbish is gone."""
    page = context.new_page()
    page.goto(url)
    page.bring_to_front()
    session = context.new_cdp_session(page)
    (worker,) = context.service_workers
    heaps: list[float] = []
    for turn in range(SWAPS):
        worker.evaluate(PRESS, page.evaluate("document.images[0].currentSrc"))
        page.wait_for_function("(turn) => window.results > turn", arg=turn, timeout=60_000)
        if turn in {0, SWAPS - 1}:
            session.send("HeapProfiler.collectGarbage")
            heaps.append(session.send("Runtime.getHeapUsage")["usedSize"])
    page.close()
    first, last = heaps
    return last / first


def on_screen(page: Page) -> tuple[str, str]:
    x, y = page.evaluate("[screenX + (outerWidth - innerWidth) / 2 + 300, screenY + outerHeight - innerHeight + 300]")
    return str(round(x)), str(round(y))


def press(display: str, *words: str) -> str:
    environment = {**os.environ, "DISPLAY": display}
    return subprocess.run(["xdotool", *words], env=environment, check=True, capture_output=True, text=True).stdout


def open_menu(display: str, *words: str) -> None:
    """Press, and wait for the window that a menu is."""
    visible = partial(press, display, "search", "--onlyvisible", "--maxdepth", "1", "--name", ".*")
    before = len(visible().split())
    press(display, *words)
    while len(visible().split()) <= before:
        time.sleep(0.02)


def add_face(client: DaemonClient, reference: bytes) -> str:
    words = {"picture": client.put_blob(reference), "name": "Eileen", "basis": "self", "adult": True}
    return f"ref:{client.request('POST', '/v1/references', words)['id']}"


def pair(context: BrowserContext, client: DaemonClient, face: str) -> None:
    """Pair as a person does, and choose the face."""
    worker = context.service_workers[0] if context.service_workers else context.wait_for_event("serviceworker")
    chosen = {"id": face.removeprefix("ref:"), "name": "Eileen"}
    kept = {"port": client.port, "reference": chosen, "recentReferences": [chosen]}
    worker.evaluate("(kept) => chrome.storage.local.set(kept)", kept)
    options = context.new_page()
    options.goto(f"chrome-extension://{worker.url.split('/')[2]}/ui/options.html")
    client.request("POST", "/v1/pair/window")
    options.click("#pair")
    options.click("#same")
    client.request("POST", f"/v1/pair/{client.request('GET', '/v1/pair/window')['id']}/approve")
    options.wait_for_selector("#paired:not([hidden])")
    options.close()


class Site(ThreadingHTTPServer):
    """A folder as a site of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(("127.0.0.1", 0), partial(Silent, directory=str(folder)))

    def page(self, turn: int) -> str:
        (self.folder / f"{turn}.html").write_text(PAGE.replace("NAME", f"{turn}.jpg"), encoding="utf-8")
        return f"http://127.0.0.1:{self.server_port}/{turn}.html"


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *words: object) -> None:
        pass


@contextmanager
def site(folder: Path) -> Generator[Site]:
    folder.mkdir()
    with Site(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def screen() -> Generator[str]:
    """Xvfb with a window manager; yields its name."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        name = f":{answer.readline().strip()}"
    manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": name}, stderr=subprocess.DEVNULL)
    try:
        yield name
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait()


@contextmanager
def daemon(state: Path, store: ModelStore) -> Generator[DaemonClient]:
    command = [sys.executable, "-m", "mien_cli", "serve", "--foreground", "--port", "0", "--state-dir", str(state)]
    process = subprocess.Popen([*command, "--models-dir", str(store.root)], stderr=subprocess.DEVNULL)
    try:
        while not (state / "daemon.json").exists():
            time.sleep(0.02)
        written = json.loads((state / "daemon.json").read_text(encoding="utf-8"))
        yield DaemonClient(int(written["port"]), str(written["token"]))
    finally:
        process.terminate()
        process.wait()
