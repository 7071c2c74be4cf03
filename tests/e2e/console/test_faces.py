"""The reference library on the console: nobody without consent, used by name, withdrawn with what was made of it."""

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

RED = (200, 30, 30)


async def add(console: Any, pictures: Sequence[Any], name: str) -> None:
    await console.go("faces")
    await console.page.locator("#add-face").click()
    await console.choose("#choose-face", *pictures)
    await console.page.get_by_label("Name", exact=True).fill(name)
    await console.page.get_by_label("They gave me written permission").check()
    save = console.button("Add a face", "dialog")
    await expect(save).to_be_disabled()
    await console.page.get_by_label("The person is an adult.").check()
    await save.click()
    await expect(console.page.locator(".person h2", has_text=name)).to_be_visible()


async def test_a_person_is_added_with_consent_used_renamed_and_withdrawn(console: Any, pictures: Any) -> None:
    page = console.page
    await add(console, [pictures.ada], "Ada")
    (kept,) = console.daemon.ask("GET", "/v1/references")["references"]
    assert (kept["name"], kept["basis"], kept["usable"]) == ("Ada", "written-permission", True)
    assert kept["expires_at"] is not None

    await console.button("Use").click()
    await console.choose("#choose-target", pictures.portrait)
    await expect(page.locator(".box-who")).to_have_text("Ada")
    await console.swap()
    await console.result_shown()
    job = await console.job()
    assert job["reference"] == f"ref:{kept['id']}"
    assert console.result_of(job).getpixel((80, 80)) == RED

    await console.go("faces")
    await console.button("Rename: Ada").click()
    await page.locator("dialog input").fill("Ada L.")
    await console.button("Save", "dialog").click()
    await expect(page.locator(".person h2")).to_have_text("Ada L.")

    await console.button("Withdraw: Ada L.").click()
    await console.button("Withdraw", "dialog").click()
    await expect(page.locator(".person")).to_have_count(0)
    assert console.daemon.ask("GET", "/v1/references")["references"] == []
    assert job["id"] not in [each["id"] for each in console.daemon.ask("GET", "/v1/jobs")["jobs"]]


async def test_a_person_gets_and_loses_pictures_in_the_library(console: Any, pictures: Any) -> None:
    page = console.page
    await add(console, (pictures.ada, pictures.older_ada), "Ada")
    card = page.locator(".person", has_text="Ada")
    await expect(card).to_contain_text("2 pictures")
    await console.button("Pictures of Ada").click()
    shown = page.locator("dialog .tile")
    await expect(shown).to_have_count(2)
    await page.locator("dialog").get_by_label("They gave me written permission").check()
    await expect(page.locator("#more-pictures")).to_be_disabled()
    await page.locator("dialog").get_by_label("The person is an adult.").check()
    await console.choose("#more-pictures", pictures.portrait)
    await expect(shown).to_have_count(3)
    for left in (2, 1):
        await console.button("Shred picture 1", "dialog").click()
        await expect(shown).to_have_count(left)
    await expect(page.locator("dialog").get_by_role("button", name="Shred picture")).to_have_count(0)
    await console.button("Close", "dialog").click()
    await expect(card).to_contain_text("1 picture")
    await console.button("Withdraw: Ada").click()
    await console.button("Withdraw", "dialog").click()
    await expect(page.locator(".person")).to_have_count(0)


async def test_a_picture_with_several_people_is_refused_in_words(console: Any, pictures: Any) -> None:
    await console.go("faces")
    await console.page.locator("#add-face").click()
    await console.choose("#choose-face", pictures.group)
    await console.page.get_by_label("Name", exact=True).fill("Crowd")
    await console.page.get_by_label("This is me").check()
    await console.page.get_by_label("The person is an adult.").check()
    await console.button("Add a face", "dialog").click()
    await expect(console.page.locator(".toast")).to_contain_text("The reference shows more than one person")


async def test_a_library_face_is_chosen_on_the_swap_view_and_everything_is_forgotten(
    console: Any, pictures: Any
) -> None:
    page = console.page
    await add(console, [pictures.ben], "Ben")
    await add(console, [pictures.ada], "Ada")
    await console.go("swap")
    await expect(page.locator(".tile.offered")).to_have_count(2)
    await console.button("Ben", ".shelf").click()
    await expect(page.locator(".tile:not(.offered) .tile-name")).to_have_text("Ben")
    await console.go("faces")
    await console.button("Forget everything").click()
    await console.button("Forget everything", "dialog").click()
    await expect(page.locator(".notice")).to_contain_text("The library is empty")
    await console.go("swap")
    await expect(page.locator(".tile")).to_have_count(0)
    assert console.daemon.ask("GET", "/v1/references")["references"] == []
