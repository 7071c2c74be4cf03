"""The reference library on the console: nobody without consent, used by name, withdrawn with what was made of it."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import PIL.Image
import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

RED, BLUE = (200, 30, 30), (30, 30, 200)


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


async def on_card(console: Any, name: str, deed: str) -> None:
    """Choose from a person's menu."""
    await console.button(f"More: {name}").click()
    await console.button(deed, ".picker").click()


async def test_a_person_is_added_with_consent_used_renamed_and_withdrawn(console: Any, pictures: Any) -> None:
    page = console.page
    await add(console, [pictures.ada], "Ada")
    (kept,) = console.daemon.ask("GET", "/v1/references")["references"]
    assert (kept["name"], kept["basis"], kept["usable"]) == ("Ada", "written-permission", True)
    assert kept["expires_at"] is not None

    await console.button("Use: Ada").click()
    await console.choose("#choose-target", pictures.portrait)
    await expect(page.locator(".box-who")).to_have_text("Ada")
    await console.swap()
    await console.result_shown()
    job = await console.job()
    assert job["reference"] == f"ref:{kept['id']}"
    assert console.result_of(job).getpixel((80, 80)) == RED

    await console.go("faces")
    for undone in (True, False):
        await on_card(console, "Ada", "Rename")
        await page.locator("dialog input").fill("Ada L.")
        await console.button("Save", "dialog").click()
        await expect(page.locator(".person h2")).to_have_text("Ada L.")
        if undone:
            await console.button("Undo", ".toast").click()
            await expect(page.locator(".person h2")).to_have_text("Ada")

    await on_card(console, "Ada L.", "Withdraw")
    await console.button("Withdraw", "dialog").click()
    await expect(page.locator(".person")).to_have_count(0)
    assert console.daemon.ask("GET", "/v1/references")["references"] == []
    assert job["id"] not in [each["id"] for each in console.daemon.ask("GET", "/v1/jobs")["jobs"]]


async def test_a_person_gets_and_loses_pictures_in_the_library(console: Any, pictures: Any) -> None:
    page = console.page
    await add(console, (pictures.ada, pictures.older_ada), "Ada")
    card = page.locator(".person", has_text="Ada")
    await expect(card).to_contain_text("2 pictures")
    await on_card(console, "Ada", "Pictures of Ada")
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
    await on_card(console, "Ada", "Withdraw")
    await console.button("Withdraw", "dialog").click()
    await expect(page.locator(".person")).to_have_count(0)


async def test_of_a_picture_with_several_people_one_is_chosen_before_anything_is_kept(
    console: Any, pictures: Any
) -> None:
    page = console.page
    await console.go("faces")
    await page.locator("#add-face").click()
    await console.choose("#choose-face", pictures.couple)
    await expect(page.locator("dialog .finding")).to_contain_text("shows 2 people")
    await page.get_by_label("Name", exact=True).fill("Ben")
    await page.get_by_label("This is me").check()
    await page.get_by_label("The person is an adult.").check()
    save = console.button("Add a face", "dialog")
    await expect(save).to_be_disabled()
    await console.button("Person 2", "dialog").click()
    await save.click()
    await expect(page.locator(".person h2")).to_have_text("Ben")
    (kept,) = console.daemon.ask("GET", "/v1/references")["references"]
    export = console.daemon.ask("GET", f"/v1/references/{kept['id']}")
    picture = PIL.Image.open(io.BytesIO(base64.b64decode(export["pictures"][0]["picture"]))).convert("RGB")
    assert picture.getpixel((picture.width // 2, picture.height // 2)) == BLUE
    await on_card(console, "Ben", "Withdraw")
    await console.button("Withdraw", "dialog").click()
    await expect(page.locator(".person")).to_have_count(0)


async def test_of_many_people_one_is_found_by_name_and_leads_to_their_results(console: Any, pictures: Any) -> None:
    page, daemon = console.page, console.daemon
    names = ("Maximiliane Freifrau von Hohenstein-Schwarzburg", "Ada", "Ben", "Chloé", "Dan", "Eve", "Finn")
    kept = {}
    for name in names:
        body = {"picture": daemon.put(pictures.ada.data), "name": name, "basis": "self", "adult": True}
        kept[name] = daemon.ask("POST", "/v1/references", body)["id"]
    daemon.ask("PATCH", f"/v1/references/{kept['Finn']}", {"expires_at": "2999-01-01T00:00:00Z"})
    for name in names[:-1]:
        daemon.ask("PATCH", f"/v1/references/{kept[name]}", {"expires_at": None})
    target = daemon.put(pictures.portrait.data)
    made = {}
    for name in ("Ada", "Ben"):
        body = {"kind": "swap", "target": target, "reference": f"ref:{kept[name]}", "options": {"engine": "mesh"}}
        made[name] = daemon.ask("POST", "/v1/jobs", body)["id"]
    await console.go("faces")
    people = page.locator(".person h2")
    await expect(people).to_have_count(7)
    await expect(people.last).to_have_attribute("title", names[0])
    await page.get_by_label("Sort by").select_option("ending")
    await expect(people.first).to_have_text("Finn")
    await page.get_by_role("searchbox").fill("chloe")
    await expect(people).to_have_text(["Chloé"])
    await page.get_by_role("searchbox").fill("nobody of this name")
    await expect(page.locator(".notice:visible")).to_contain_text("Nobody found")
    await console.button("Show everybody").click()
    await expect(people).to_have_count(7)

    await on_card(console, "Ada", "Results with Ada")
    await expect(page.locator("[data-chip=person]")).to_contain_text("Ada")
    await expect(page.locator(f".shot[data-id='{made['Ada']}']")).to_be_visible()
    await expect(page.locator(f".shot[data-id='{made['Ben']}']")).to_have_count(0)
    await page.locator("[data-chip=person]").click()
    await expect(page.locator(f".shot[data-id='{made['Ben']}']")).to_be_visible()
    daemon.ask("DELETE", "/v1/references?results=true")


async def test_a_face_of_a_few_pixels_is_called_small_before_it_is_kept(console: Any, pictures: Any) -> None:
    page = console.page
    await console.go("faces")
    await page.locator("#add-face").click()
    await console.choose("#choose-face", pictures.portrait)
    await expect(page.locator("dialog .face-picture img")).to_be_visible()
    await expect(page.locator("dialog .caution")).to_be_hidden()
    await console.choose("#choose-face", pictures.ada)
    await expect(page.locator("dialog .caution")).to_contain_text("less than 64 pixels wide")


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
    await console.choose("#choose-target", pictures.group)
    await page.locator(".box[data-face='2']").click()
    await console.button("Ada", ".picker").click()
    given = [page.locator(f".box[data-face='{face}'][data-given='true'] .box-who") for face in range(3)]
    for who, name in zip(given, (["Ben"], [], ["Ada"]), strict=True):
        await expect(who).to_have_text(name)
    await console.go("faces")
    await page.evaluate("localStorage.setItem('mien.arena', '[]')")
    await console.button("More", ".page-head").click()
    await console.button("Forget everything", ".picker").click()
    await console.button("Forget everything", "dialog").click()
    await expect(page.locator(".notice")).to_contain_text("The library is empty")
    assert await page.evaluate("localStorage.getItem('mien.arena')") is None
    await console.go("swap")
    await expect(page.locator(".tile")).to_have_count(0)
    assert console.daemon.ask("GET", "/v1/references")["references"] == []
