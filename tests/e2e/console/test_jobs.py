"""Jobs and results: what a person sees there and does there, in Chromium against a daemon process."""

import hashlib
import io
import json
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from playwright.async_api import Page, Request, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


async def test_what_waits_of_a_group_is_put_elsewhere_in_the_queue(console: Any, pictures: Any) -> None:
    """With the keys and with the pointer, as a single job is."""
    console.daemon.ask("POST", "/v1/queue/pause")
    (alone,), groups = await make_jobs(console, pictures, 1), ("holidays", "portraits")
    target = console.daemon.ask("GET", f"/v1/jobs/{alone}")["target"]
    for name in groups:
        body = {"kind": "swap", "target": target, "reference": target, "group": name}
        for seed in range(2):
            console.daemon.ask("POST", "/v1/jobs", {**body, "options": {"engine": "mesh", "seed": seed}})
    await console.go("jobs")
    rows = console.page.locator("[data-part=queued] > .rows > .row")
    holidays, portraits = (console.page.locator(f".row[data-group={name}]") for name in groups)
    await expect(rows.nth(0)).to_have_attribute("data-id", alone)
    await expect(rows.nth(1)).to_have_attribute("data-group", "holidays")
    await portraits.locator("[data-deed=grip]").press("ArrowUp")
    await expect(rows.nth(1)).to_have_attribute("data-group", "portraits")
    await expect(portraits.locator("[data-deed=grip]")).to_be_focused()
    await expect(console.page.locator(".toast").last).to_contain_text("2 of 3")
    await holidays.locator("[data-deed=grip]").drag_to(rows.nth(0), target_position={"x": 200, "y": 5})
    await expect(rows.nth(0)).to_have_attribute("data-group", "holidays")
    waiting = console.daemon.ask("GET", "/v1/jobs?state=queued")["jobs"]
    order = [job["group"] for job in sorted(waiting, key=lambda job: job["position"])]
    assert order == ["holidays", "holidays", None, "portraits", "portraits"]


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


async def test_a_result_is_opened_with_what_it_was_made_with_and_deleted_once_undo_has_gone(
    console: Any, pictures: Any
) -> None:
    page = console.page
    usual, unusual = await make_jobs(console, pictures, 2)
    console.daemon.forget("hold")
    await console.go("results")
    await page.locator(f".shot a[href='#/results/{usual}']").click()
    about = page.locator(".inspector")
    await expect(about.locator(".pairs div")).to_have_count(1)
    await expect(about).to_contain_text("Every setting as usual")
    await page.keyboard.press("Escape")
    await page.locator(f".shot a[href='#/results/{unusual}']").click()
    await console.button("Details", ".inspector").click()
    await expect(about).to_contain_text("Likeness to the reference")
    await expect(about.locator(".pairs")).to_contain_text("Seed1")
    await expect(about).to_contain_text("not the face of the person in the original picture")

    await console.button("Delete").click()
    await expect(page).not_to_have_url(re.compile(unusual))  # its neighbour takes its place
    await console.button("Undo", ".toast").click()
    await expect(page).to_have_url(re.compile(unusual))
    await expect(about).to_contain_text("Seed")
    await console.button("Delete").click()
    await expect(page).not_to_have_url(re.compile(unusual))
    assert (console.daemon.state / "results" / unusual).exists()
    async with page.expect_response(re.compile("/v1/jobs/delete$")):
        await console.button("Close", ".toast:has-text('erased')").click()
    assert not (console.daemon.state / "results" / unusual).exists()
    assert not (console.daemon.state / "thumbnails" / unusual).exists()


async def test_what_is_deleted_comes_back_with_a_key_and_is_erased_when_the_page_is_left(
    console: Any, pictures: Any
) -> None:
    page = console.page
    kept, deleted = await make_jobs(console, pictures, 2)
    console.daemon.forget("hold")
    await console.go("results")
    shot = page.locator(f".shot[data-id='{deleted}']")
    for job in (kept, deleted):
        await expect(page.locator(f".shot[data-id='{job}']")).to_be_visible()
    await shot.locator("a").focus()
    await page.keyboard.press("Delete")
    await expect(shot).to_have_count(0)
    await expect(page.locator(f".shot[data-id='{kept}'] a")).to_be_focused()
    await page.keyboard.press("Control+z")
    await expect(shot.locator("a")).to_be_focused()
    await expect(page.locator(".toast", has_text="erased")).to_have_count(0)
    await page.keyboard.press("Delete")
    await expect(shot).to_have_count(0)
    await page.reload()
    await expect(page.locator(f".shot[data-id='{kept}']")).to_be_visible()
    await expect(shot).to_have_count(0)
    assert not (console.daemon.state / "results" / deleted).exists()


async def test_a_search_lasts_while_its_results_are_looked_at(console: Any, pictures: Any) -> None:
    page = console.page
    jobs = await make_jobs(console, pictures, 3)
    console.daemon.forget("hold")
    await console.go("results")
    for job in jobs:
        await expect(page.locator(f".shot[data-id='{job}']")).to_be_visible()
    for job in (jobs[0], jobs[2]):
        await page.locator(f".shot[data-id='{job}'] .shot-star").click()
        await expect(page.locator(f".shot[data-id='{job}'][data-starred]")).to_be_visible()
    await page.locator("[data-chip=star]").click()
    await expect(page.locator(f".shot[data-id='{jobs[1]}']")).to_have_count(0)
    about = page.locator(".inspector")
    await page.locator(f".shot[data-id='{jobs[2]}'] a").press("Enter")
    await expect(about).to_contain_text("Seed")  # a key that comes before the view has come is lost
    await page.keyboard.press("ArrowRight")
    await expect(about).to_contain_text("Every setting as usual")
    await expect(page).to_have_url(re.compile(jobs[0]))
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-chip=star]")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Control+a")
    await expect(page.locator(".selection-bar strong")).to_have_text("2 selected")


async def test_all_results_are_deleted_after_a_question_and_the_time_they_are_kept_is_set(
    console: Any, pictures: Any
) -> None:
    made = await make_jobs(console, pictures, 2)
    console.daemon.forget("hold")
    await console.go("results")
    for job in made:  # an earlier test's result may be there as well, and one that is still made would come later
        await expect(console.page.locator(f".shot[data-id='{job}']")).to_be_visible()
    async with console.page.expect_response(lambda answer: answer.request.method == "PUT"):  # pyright: ignore
        await console.page.get_by_label("Keep for").select_option("86400")
    await console.button("More").click()
    await console.button("Delete all").click()
    await console.button("Cancel", "dialog").click()
    await expect(console.page.locator(".shot").nth(1)).to_be_visible()
    await console.button("More").click()
    await console.button("Delete all").click()
    await console.button("Delete all", "dialog").click()
    await expect(console.page.locator(".notice")).to_contain_text("No results yet")
    settings = {row["name"]: row["value"] for row in console.daemon.ask("GET", "/v1/settings")["settings"]}
    assert settings["keep_results_s"] == 86400


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
    await console.page.goto("about:blank")  # what the gallery has come for is not known any more
    await console.open("jobs")
    await expect(console.button("Show older jobs")).to_be_visible()
    while (before := await count_settled(console.page, ".row")) < 500:
        await console.button("Show older jobs").click()
        await expect(console.page.locator(".row")).to_have_count(min(before + 100, 500))
    await expect(console.button("Show older jobs")).to_be_hidden()


async def count_settled(page: Page, selector: str) -> int:
    """How many there are once a frame brings no more: a long list is made a few a frame."""
    now, before = await page.locator(selector).count(), -1
    while now != before:
        await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        now, before = await page.locator(selector).count(), now
    return now
