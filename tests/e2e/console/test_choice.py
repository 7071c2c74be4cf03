"""An engine is left open, two are compared, and what a person finds better is counted until it is forgotten."""

from typing import Any

import pytest
from playwright.async_api import Route, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_open_choice_says_on_the_result_who_was_picked_and_why(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.page.get_by_role("radio", name="Auto", exact=True).check()
    await console.page.get_by_label("Try another engine").check()
    await console.swap()
    await console.result_shown()
    why = console.page.locator(".choice-why")
    await expect(why).to_contain_text("Mesh has the best figures for such a face.")
    await expect(why).to_contain_text("Likeness 0.60, naturalness 0.78 in 4 cases. Not measured: InSwapper.")
    await expect(console.page.locator(".facts")).to_contain_text("Memory")  # of who was picked
    options = (await console.job())["options"]
    assert (options["engine"], options["fallback"]) == ("auto", True)


async def test_what_is_found_better_is_counted_and_forgotten(console: Any, pictures: Any) -> None:
    page = console.page
    await console.ready(pictures.portrait, pictures.ada)
    await page.get_by_label("Compare with").select_option("inswapper")
    await console.swap()
    await console.result_shown()
    vote = page.get_by_role("radiogroup", name="Which one is better?")
    await vote.get_by_role("radio", name="InSwapper").check()
    await expect(page.locator(".vote .scores")).to_contain_text("InSwapper better in 1 of 1")
    await page.goto(f"{console.daemon.origin}/#/settings")
    scores = page.locator("#settings-arena .scores li")
    await expect(scores).to_have_text(["InSwapper better in 1 of 1", "Mesh better in 0 of 1"])
    await console.button("Forget all choices").click()
    await expect(scores).to_have_count(0)
    await expect(page.locator("#settings-arena p")).to_contain_text("The tally will be here.")
    await expect(page.locator("#settings-arena p")).to_be_focused()


async def test_two_settings_of_one_engine_are_compared(console: Any, pictures: Any) -> None:
    page = console.page
    await console.ready(pictures.portrait, pictures.ada)
    await page.get_by_label("Compare with").select_option(label="Likeness")
    await console.swap()
    await expect(page.locator(".report").nth(1)).to_contain_text("Mesh, Likeness")
    vote = page.get_by_role("radiogroup", name="Which one is better?")
    await expect(vote.get_by_role("radio")).to_have_count(3)
    await expect(vote.get_by_role("radio", name="Mesh, Likeness")).to_have_count(1)
    jobs = console.daemon.ask("GET", "/v1/jobs")["jobs"][:2]
    assert {job["options"]["shape"] for job in jobs} == {0.7, 1}


async def test_several_seeds_are_shown_in_a_grid_and_one_is_gone_on_with(console: Any, pictures: Any) -> None:
    """The painter draws no noise: the page is told that it does."""
    page = console.page

    async def tell_of_noise(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        await route.fulfill(
            response=answer, json={**told, "engines": [{**each, "seeded": True} for each in told["engines"]]}
        )

    await page.route("**/v1/engines", tell_of_noise)
    await page.reload()
    await console.ready(pictures.portrait, pictures.ada)
    await page.get_by_label("Compare with").select_option(label="4 seeds at once")
    await console.swap()
    await expect(page.locator(".view figure figcaption")).to_have_text(
        ["Before", "Seed 0", "Seed 1", "Seed 2", "Seed 3"]
    )
    jobs = console.daemon.ask("GET", "/v1/jobs?limit=4")["jobs"]
    assert {job["options"]["seed"] for job in jobs} == {0, 1, 2, 3}
    await expect(page.locator(".report h3")).to_have_text("Seed 0")
    await page.locator(".view figure").nth(3).click()
    await expect(page.locator(".report h3")).to_have_text("Seed 2")
    await page.get_by_role("radio", name="Divider", exact=True).check(force=True)
    await expect(page.locator(".tag.after")).to_have_text("Seed 2")
    await page.get_by_role("button", name="Go on with this seed").click()
    await expect(page.get_by_label("Compare with")).to_have_value("")
    await page.get_by_text("Advanced").click()
    await expect(page.get_by_label("Seed", exact=True)).to_have_value("2")
