"""Jobs, results, models, settings: what a person sees there and does there, in Chromium against a daemon process."""

import hashlib
import io
import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Request, expect

from mien_daemon.access import handshake
from mien_testing.axe import find_obstacles

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWS = ("swap", "jobs", "results", "faces", "models", "settings")
WEIGHTS = bytes(range(256)) * 2000


# ── jobs and results ──


async def make_jobs(console: Any, pictures: Any, count: int) -> list[str]:
    """So many jobs, posted as a script would, that wait until `hold` is forgotten."""
    console.daemon.order("hold")
    data = pictures.portrait.data
    name = f"sha256:{hashlib.sha256(data).hexdigest()}"
    console.daemon.fetch(f"/v1/blobs/{name}", "PUT", data, "application/octet-stream")
    body = {"kind": "swap", "target": name, "reference": name, "options": {"engine": "mesh"}}
    return [console.daemon.ask("POST", "/v1/jobs", {**body, "options": {"seed": seed}})["id"] for seed in range(count)]


async def test_waiting_jobs_are_put_in_another_order(console: Any, pictures: Any) -> None:
    first, second, third = await make_jobs(console, pictures, 3)
    await console.go("jobs")
    await expect(console.page.locator(f"[data-id='{first}'][data-state=running]")).to_be_visible()
    sooner = console.page.locator(f"[data-id='{third}'] [data-deed=grip]")
    await sooner.press("ArrowUp")
    order = console.page.locator(".row[data-state=queued]")
    await expect(order.nth(0)).to_have_attribute("data-id", third)
    await expect(order.nth(1)).to_have_attribute("data-id", second)
    await expect(sooner).to_be_focused()
    await expect(console.page.locator(".toast").last).to_contain_text("1 of 2")
    await order.nth(1).locator("[data-deed=grip]").drag_to(order.nth(0), target_position={"x": 200, "y": 5})
    await expect(order.nth(0)).to_have_attribute("data-id", second)
    waiting = console.daemon.ask("GET", "/v1/jobs?state=queued")["jobs"]
    assert [job["id"] for job in sorted(waiting, key=lambda job: job["position"])] == [second, third]


async def test_the_queue_is_paused_resumed_and_a_job_cancelled_and_tried_again(console: Any, pictures: Any) -> None:
    await console.go("jobs")
    await console.button("Pause the queue").press("Enter")
    await expect(console.button("Resume the queue")).to_be_focused()
    (job,) = await make_jobs(console, pictures, 1)
    console.daemon.forget("hold")
    row = console.page.locator(f"[data-id='{job}']")
    await row.locator("[data-deed=close]").click()
    await expect(row).to_have_attribute("data-state", "cancelled")
    await row.locator("[data-deed=retry]").click()
    await expect(row).to_have_attribute("data-state", "queued")
    await console.page.reload()
    await expect(row).to_have_attribute("data-state", "queued")
    await console.button("Resume the queue").click()
    await expect(row).to_have_attribute("data-state", "done")


async def test_a_failed_job_says_why_and_the_filter_finds_it(console: Any, pictures: Any) -> None:
    console.daemon.order("fail-no-face-found")
    (job,) = await make_jobs(console, pictures, 1)
    console.daemon.forget("hold")
    await console.go("jobs")
    row = console.page.locator(f"[data-id='{job}']")
    await expect(row).to_contain_text("No face was found")
    await console.page.get_by_role("radio", name="Active", exact=True).check()
    await expect(row).to_have_count(0)
    await console.page.get_by_role("radio", name="Failed", exact=True).check()
    await expect(row).to_be_visible()


async def test_a_result_is_opened_with_its_settings_and_deleted(console: Any, pictures: Any) -> None:
    (job,) = await make_jobs(console, pictures, 1)
    console.daemon.forget("hold")
    await console.go("results")
    await console.page.locator(f".shot a[href='#/results/{job}']").click()
    about = console.page.locator(".inspector")
    await console.button("Details", ".inspector").click()
    await expect(about).to_contain_text("Likeness to the reference")
    await expect(about.locator(".pairs")).to_contain_text("Seed")
    await expect(about).to_contain_text("not the face of the person in the original picture")
    await console.button("Delete").click()
    await console.button("Delete", "dialog").click()
    await expect(console.page.locator(".days")).to_be_attached()
    await expect(console.page.locator(f".shot a[href='#/results/{job}']")).to_have_count(0)


async def test_all_results_are_deleted_after_a_question_and_the_time_they_are_kept_is_set(
    console: Any, pictures: Any
) -> None:
    await make_jobs(console, pictures, 2)
    console.daemon.forget("hold")
    await console.go("results")
    await expect(console.page.locator(".shot").nth(1)).to_be_visible()
    await console.page.get_by_label("Keep for").select_option("86400")
    await console.button("Delete all").click()
    await console.button("Cancel", "dialog").click()
    await expect(console.page.locator(".shot").nth(1)).to_be_visible()
    await console.button("Delete all").click()
    await console.button("Delete all", "dialog").click()
    await expect(console.page.locator(".notice")).to_contain_text("No results yet")
    settings = {row["name"]: row["value"] for row in console.daemon.ask("GET", "/v1/settings")["settings"]}
    assert settings["keep_results_s"] == 86400


# ── many ──


def fill_with_jobs(state: Path, count: int, results: int) -> None:
    """As after weeks of use: rows and files as the daemon writes them, without running them all."""
    made = io.BytesIO()
    PIL.Image.new("RGB", (640, 480), (90, 120, 150)).save(made, "jpeg")
    data, now = made.getvalue(), time.time()
    report = {"engine": "mesh", "seconds": 1.2, "stages": {}, "size": [640, 480], "faces": [], "models": []}
    report["provenance"] = {"c2pa": True, "watermark": "strong"}
    digest = hashlib.sha256(data).hexdigest()
    with sqlite3.connect(state / "mien.db") as db:
        for number in range(count):
            kept, job = number < results, f"{number:024x}"
            if kept:
                (state / "results" / job).write_bytes(data)
            values = {
                "id": job,
                "owner": "local",
                "kind": "swap",
                "state": "done" if kept else "cancelled",
                "priority": 0,
                "position": number,
                "target": f"sha256:{digest}",
                "reference": json.dumps([[f"sha256:{digest}"]]),
                "options": "{}",
                "attempts": 1,
                "created_at": now - number,
                "finished_at": now - number,
                "expires_at": now + 1e6,
                "result": json.dumps(report) if kept else None,
                "media_type": "image/jpeg" if kept else None,
                "result_sha256": digest if kept else None,
            }
            names = ", ".join(values)
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", list(values.values()))  # noqa: S608
    db.close()


async def test_five_hundred_jobs_and_two_hundred_results_come_as_they_are_looked_at(at_own_daemon: Any) -> None:
    console = at_own_daemon
    console.daemon.stop()
    fill_with_jobs(console.daemon.state, 500, 200)
    console.daemon.start()
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    console.page.on("request", note)
    await console.page.goto("about:blank")
    await console.open("results")
    await expect(console.page.locator(".shot").nth(3)).to_be_visible()
    first_look = sum("/preview" in url for url in asked)
    assert first_look < 60
    while await console.page.locator(".shot").count() < 200:
        before = await console.page.locator(".shot").count()
        await console.page.locator(".gallery-end").scroll_into_view_if_needed()
        await expect(console.page.locator(".shot").nth(min(before, 199))).to_be_attached()
    await console.go("jobs")
    while await console.button("Show older jobs").is_visible():
        before = await console.page.locator(".row").count()
        await console.button("Show older jobs").click()
        await expect(console.page.locator(".row").nth(before)).to_be_attached()
    await expect(console.page.locator(".row")).to_have_count(500)


# ── models ──


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
            held.go_on.wait(20)
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
    await expect(row.locator("[data-deed=pause]")).to_be_visible()
    await row.locator("[data-deed=pause]").click()
    hub.go_on.set()
    await expect(row).to_have_attribute("data-state", "paused")
    await row.locator("[data-deed=play]").click()
    await expect(row).to_have_attribute("data-state", "ready")

    await row.locator("[data-deed=shield]").click()
    await expect(page.locator(".toast").first).to_contain_text("Hashing the files again")
    await expect(row).to_have_attribute("data-state", "ready")
    await page.get_by_role("radio", name="Proof", exact=True).check()
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    await expect(page.locator("table")).to_contain_text(digest[:12])
    await expect(page.locator(f"code[title='{digest}']")).to_be_visible()

    await console.go("settings")
    await expect(page.locator("#settings-connections")).to_contain_text("own-weights")


# ── settings ──


def knock(console: Any) -> str:
    """A browser asks to be paired; the digits that it shows."""
    port, origin = console.daemon.port, f"chrome-extension://{'a' * 32}"
    private, nonce = handshake.new_key_pair(), b"n" * handshake.NONCE_BYTES
    point = handshake.public_point(private)
    commitment = handshake.to_text(handshake.commitment(point, nonce))
    offer = console.daemon.as_origin(origin, "/v1/pair", {"name": "Chromium here", "commitment": commitment})
    reveal = {"step": "reveal", "public_key": handshake.to_text(point), "nonce": handshake.to_text(nonce)}
    console.daemon.as_origin(origin, f"/v1/pair/{offer['id']}", reveal)
    theirs = handshake.from_text(offer["public_key"], handshake.POINT_BYTES)
    transcript = handshake.transcript(
        "Chromium here", port, point, nonce, theirs, handshake.from_text(offer["nonce"], handshake.NONCE_BYTES)
    )
    digits = handshake.digits(transcript)
    return f"{digits[:3]} {digits[3:]}"


async def test_a_browser_that_asks_during_a_swap_is_let_in_by_no_key(console: Any) -> None:
    """Ctrl+Enter is what a person presses there anyway, and has compared nothing."""
    await console.go("swap")
    console.daemon.ask("POST", "/v1/pair/window")
    await expect(console.page.locator("dialog .digits")).to_have_text(knock(console))
    await console.page.keyboard.press("Control+Enter")
    await console.page.locator("dialog .danger").click()
    await expect(console.page.locator("dialog")).to_have_count(0)
    assert console.daemon.ask("GET", "/v1/clients")["clients"] == []
    console.daemon.ask("DELETE", "/v1/pair/window")


async def test_a_browser_is_let_in_by_its_digits_and_revoked(console: Any) -> None:
    """The test is the extension: it begins, and shows what the console must show."""
    await console.go("settings")
    await console.page.locator("#pair").click()
    await expect(console.page.locator("#settings-pairing")).to_contain_text("Waiting for the extension")
    await expect(console.page.locator(".digits")).to_have_text(knock(console))
    await console.page.locator("#approve").click()
    row = console.page.locator("#settings-clients .client")
    await expect(row).to_contain_text("Chromium here")
    assert [client["name"] for client in console.daemon.ask("GET", "/v1/clients")["clients"]] == ["Chromium here"]
    await expect(console.page.locator("#settings-pairing")).to_contain_text("Chromium here may swap now.")
    await expect(console.page.locator("#settings-pairing .spinner")).to_have_count(0)

    await console.button("Revoke: Chromium here").click()
    await console.button("Revoke", "dialog").click()
    await expect(row).to_have_count(0)
    assert console.daemon.ask("GET", "/v1/clients")["clients"] == []


async def test_a_setting_is_changed_kept_and_put_back(console: Any) -> None:
    await console.go("settings")
    row = console.page.locator("[data-setting=idle_unload_s]")
    await row.locator("select").focus()
    await row.locator("select").select_option("30")
    await expect(row.locator(".link")).to_be_visible()
    await expect(row.locator("select")).to_be_focused()
    await console.page.reload()
    await expect(row.locator("select")).to_have_value("30")
    await row.get_by_role("button", name="Back to the default").click()
    await expect(row.locator("select")).to_have_value("300")


async def test_the_workers_are_listed_by_device_and_give_their_memory_back(console: Any) -> None:
    await console.go("settings")
    row = console.page.locator(".row.worker")
    await expect(row).to_have_attribute("data-device", "cpu")
    await expect(row).to_contain_text("Ready")
    await console.button("Give memory back now").click()
    await expect(row).to_contain_text("Resting")
    await expect(console.button("Give memory back now")).to_be_disabled()
    workers = console.daemon.ask("GET", "/v1/health")["workers"]
    assert {worker["state"] for worker in workers} == {"stopped"}


async def test_a_token_is_told_once(console: Any) -> None:
    await console.go("settings")
    await console.button("New token").click()
    await console.page.locator("dialog input").fill("nightly")
    await console.button("Create").click()
    await expect(console.page.locator("dialog .token")).to_contain_text("mien_")
    await console.button("Close", "dialog footer").click()
    await expect(console.page.locator("#settings-clients .client")).to_contain_text("nightly")
    assert "mien_" not in await console.page.locator("main").inner_text()
    (client,) = console.daemon.ask("GET", "/v1/clients")["clients"]
    console.daemon.ask("DELETE", f"/v1/clients/{client['id']}")


@pytest.mark.parametrize(("locale", "word"), [("de-DE", "Einstellungen"), ("fr-FR", "Réglages"), ("ja-JP", "設定")])
async def test_the_page_speaks_the_browsers_language(new_page: Any, locale: str, word: str) -> None:
    async for console in new_page(locale=locale):
        await console.go("settings")
        await expect(console.page.locator("h1")).to_have_text(word)
        assert await console.page.evaluate("document.documentElement.lang") == locale[:2]


# ── for everybody ──


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 900)])
async def test_axe_finds_nothing_serious_in_any_view(new_page: Any, pictures: Any, scheme: str, width: int) -> None:
    found: dict[str, list[str]] = {}
    async for console in new_page(color_scheme=scheme, viewport={"width": width, "height": 820}):
        await console.ready(pictures.group, pictures.ada)
        for view in (*VIEWS[1:], "swap"):
            await console.go(view)
            await expect(console.page.locator("nav [aria-current=page]")).to_have_attribute("href", f"#/{view}")
            await expect(console.page.locator("main .spinner:visible")).to_have_count(0)
            found[view] = await find_obstacles(console.page)
        await console.swap()
        await console.result_shown()
        found["result"] = await find_obstacles(console.page)
    assert {view: said for view, said in found.items() if said} == {}


async def test_no_view_is_wider_than_a_telephone(new_page: Any, pictures: Any) -> None:
    async for console in new_page(viewport={"width": 390, "height": 844}):
        await console.ready(pictures.group, pictures.ada)
        for view in (*VIEWS[1:], "swap"):
            await console.go(view)
            await expect(console.page.locator("main .spinner:visible")).to_have_count(0)
            widths = await console.page.evaluate(
                "[document.documentElement.scrollWidth, document.querySelector('main').scrollWidth]"
            )
            assert widths == [390, 390], view
        await console.swap()
        await console.result_shown()
        assert await console.page.evaluate("document.querySelector('main').scrollWidth") == 390
