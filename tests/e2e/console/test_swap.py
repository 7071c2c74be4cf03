"""A person swaps faces on the console, in Chromium, against a daemon process: every way in, and what can go wrong."""

from typing import Any

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

GREY, RED, BLUE = (120, 120, 120), (200, 30, 30), (30, 30, 200)
LEFT, MIDDLE, RIGHT = (60, 60), (180, 60), (300, 60)  # the faces of the group


async def test_a_dropped_picture_and_a_dropped_reference_become_a_swap(console: Any, pictures: Any) -> None:
    await console.drop(".drop", pictures.portrait)
    await expect(console.page.locator(".box")).to_have_count(1)
    await console.drop("[data-drop=reference]", pictures.ada)
    await console.consent()
    await console.swap()
    await console.result_shown()
    assert console.result_of(await console.job()).getpixel((80, 80)) == RED


async def test_pasted_pictures_are_first_the_target_and_then_the_reference(console: Any, pictures: Any) -> None:
    await console.paste(pictures.portrait)
    await expect(console.page.locator(".box")).to_have_count(1)
    await console.paste(pictures.ben)
    await console.consent()
    await console.swap()
    await console.result_shown()
    assert console.result_of(await console.job()).getpixel((80, 80)) == BLUE


async def test_a_face_is_used_only_after_the_statement_and_it_is_asked_for_once(console: Any, pictures: Any) -> None:
    await console.choose("#choose-reference", pictures.ada)
    agree = console.button("I confirm this")
    await expect(agree).to_be_disabled()
    await console.button("Cancel", "dialog").click()
    await expect(console.page.locator(".tile")).to_have_count(0)
    await console.choose("#choose-reference", pictures.ada)
    await console.consent()
    await console.choose("#choose-reference", pictures.ben)
    await expect(console.page.locator(".tile")).to_have_count(2)


async def test_every_face_gets_its_own_reference_or_is_left_alone(console: Any, pictures: Any) -> None:
    await console.ready(pictures.group, pictures.ada, pictures.ben)
    await expect(console.page.locator(".box")).to_have_count(3)
    for face, name in ((0, "ben"), (1, "Leave alone"), (2, "ada")):
        await console.page.locator(f".box[data-face='{face}']").click()
        await console.button(name, ".picker").click()
    await console.swap()
    await console.result_shown()
    job = await console.job()
    assert job["options"]["faces"] == [0, 2]
    made = console.result_of(job)
    assert [made.getpixel(at) for at in (LEFT, MIDDLE, RIGHT)] == [BLUE, GREY, RED]


async def test_a_picture_dropped_on_a_face_becomes_that_faces_reference(console: Any, pictures: Any) -> None:
    await console.ready(pictures.group, pictures.ada)
    await console.drop(".box[data-face='2']", pictures.ben)
    await expect(console.page.locator(".box[data-face='2']")).to_have_attribute(
        "aria-label", "Face 3 gets the face of ben"
    )


async def test_pictures_that_come_together_are_one_person_and_a_stranger_is_left_out(
    console: Any, pictures: Any
) -> None:
    await console.choose("#choose-target", pictures.portrait)
    await expect(console.page.locator(".box")).to_have_count(1)
    await console.drop("[data-drop=reference]", pictures.ada, pictures.older_ada)
    await console.consent()
    await expect(console.page.locator(".tile")).to_have_count(1)
    await expect(console.page.locator(".tile-count")).to_have_text("2")
    await console.drop("[data-person]", pictures.ben)
    await expect(console.page.locator(".tile-count")).to_have_text("3")
    await console.swap()
    await console.result_shown()
    job = await console.job()
    assert len(job["reference"]) == 3
    assert console.result_of(job).getpixel((80, 80)) == RED
    left_out = console.page.locator(".left-out")
    await expect(left_out.locator("li")).to_have_count(1)
    await expect(left_out).to_contain_text("Another person")
    await console.page.reload()
    await console.button("Change").click()
    await expect(console.page.locator(".tile-count")).to_have_text("3")


async def test_before_and_after_are_divided_held_and_magnified(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await console.result_shown()
    pane, divider = (
        console.page.locator(".pane"),
        console.page.get_by_role("slider", name="Divider between before and after"),
    )
    split = "element => parseFloat(element.style.getPropertyValue('--split'))"
    await divider.focus()
    await console.page.keyboard.press("Home")
    assert await pane.evaluate(split) == 0
    await console.page.keyboard.press("ArrowRight")
    assert await pane.evaluate(split) == 1
    after = console.page.locator(".layer").nth(1)
    await console.page.keyboard.down("o")
    await expect(after).to_have_css("visibility", "hidden")
    await console.page.keyboard.up("o")
    await expect(after).to_have_css("visibility", "visible")
    await console.button("Actual pixels, 100%").click()
    assert await pane.evaluate("element => element.style.getPropertyValue('--width')") == "160px"


async def test_the_divider_follows_the_pointer(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await console.result_shown()
    handle, pane = console.page.locator(".handle"), await console.page.locator(".pane").bounding_box()
    grip = await handle.bounding_box()
    await console.page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + 20)
    await console.page.mouse.down()
    await console.page.mouse.move(pane["x"] + pane["width"] * 0.25, grip["y"] + 20)
    await console.page.mouse.up()
    await expect(console.page.get_by_role("slider", name="Divider between before and after")).to_have_value("25")


async def test_two_engines_are_compared_side_by_side(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.page.get_by_label("Compare with").select_option("inswapper")
    await console.swap()
    await expect(console.page.locator("figure .pane")).to_have_count(3)
    reports = console.page.locator(".report")
    await expect(reports).to_have_count(2)
    await expect(reports.nth(0)).to_contain_text("Mesh")
    await expect(reports.nth(1)).to_contain_text("InSwapper")
    for name in ("Time", "Memory", "Likeness to the reference"):
        await expect(reports.nth(1)).to_contain_text(name)
    async with console.page.expect_download() as download:
        await reports.nth(1).get_by_role("button", name="Save").click()
    saved = await (await download.value).path()
    second = next(job for job in console.daemon.ask("GET", "/v1/jobs")["jobs"] if job["options"]["engine"] != "mesh")
    assert saved.read_bytes() == console.daemon.fetch(f"/v1/jobs/{second['id']}/result")


async def test_a_preset_is_taken_and_is_no_longer_one_once_something_is_moved(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.page.get_by_text("Advanced", exact=True).click()
    await console.page.get_by_role("radio", name="Likeness", exact=True).check()
    shape = console.page.get_by_role("slider", name="Face shape")
    await expect(shape).to_have_value("1")
    await shape.press("ArrowLeft")
    await expect(console.page.get_by_role("radio", name="Own", exact=True)).to_be_checked()
    await console.swap()
    await console.result_shown()
    assert (await console.job())["options"]["shape"] == 0.95


async def test_settings_get_a_name_a_format_and_are_taken_back(console: Any, pictures: Any) -> None:
    page = console.page
    await console.ready(pictures.portrait, pictures.ada)
    await page.get_by_text("Advanced", exact=True).click()
    shape = page.get_by_role("slider", name="Face shape")
    await shape.press("Home")
    await console.button("Save as a preset").click()
    await page.locator("dialog input").fill("Hardly")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("radio", name="Hardly", exact=True)).to_be_checked()
    await page.get_by_label("Format", exact=True).select_option("png")
    await page.get_by_role("radio", name="Balanced", exact=True).check()
    await page.keyboard.press("Control+z")
    await expect(page.get_by_role("radio", name="Hardly", exact=True)).to_be_checked()
    await console.swap()
    await console.result_shown()
    options = (await console.job())["options"]
    assert (options["shape"], options["format"]) == (0, "png")


async def test_the_swap_of_a_closed_tab_goes_on_in_another(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.page.close()
    console.page = await console.context.new_page()
    await console.open()
    await console.button("Go on with ada → portrait.png").click()
    await expect(console.page.locator(".box-who")).to_have_text("ada")
    await console.swap()
    await console.result_shown()


async def test_an_engine_without_its_models_is_not_begun_and_says_so(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.page.get_by_role("radio", name="FLUX identity").check()
    await expect(console.page.locator("#swap")).to_be_disabled()
    await expect(console.page.locator(".run")).to_contain_text("This engine still needs its models.")
    await console.page.get_by_role("radio", name="Mesh", exact=True).check()
    await expect(console.page.locator("#swap")).to_be_enabled()


async def test_a_picture_without_a_face_is_said_to_have_none_and_is_replaced(console: Any, pictures: Any) -> None:
    await console.choose("#choose-target", pictures.nobody)
    await expect(console.page.locator(".stage-note")).to_contain_text("No face was found")
    await console.paste(pictures.portrait)
    await expect(console.page.locator(".box")).to_have_count(1)
    await expect(console.page.locator(".frames li")).to_have_count(1)
    await console.drop(".stage", pictures.words)
    await expect(console.page.locator(".toast")).to_contain_text("words.png")
    await expect(console.page.locator(".frames li")).to_have_count(1)


async def test_a_reference_is_checked_as_it_arrives_and_one_of_several_people_chosen(
    console: Any, pictures: Any
) -> None:
    page = console.page
    await console.choose("#choose-target", pictures.portrait)
    await expect(page.locator(".box")).to_have_count(1)
    await console.drop("[data-drop=reference]", pictures.nobody)
    await console.consent()
    await expect(page.locator(".finding")).to_contain_text("nobody.png: No face was found")
    await expect(page.locator("#swap")).to_be_disabled()
    await console.button("Remove the reference nobody.png").click()
    await console.drop(".assignments", pictures.couple)
    await expect(page.locator(".finding")).to_contain_text("shows 2 people")
    await console.button("Person 2", ".finding").click()
    await expect(page.locator(".finding")).to_have_count(0)
    await expect(page.locator(".tile")).to_have_count(1)
    await console.swap()
    await console.result_shown()
    assert console.result_of(await console.job()).getpixel((80, 80)) == BLUE


async def test_the_quality_of_a_format_is_its_usual_one_until_another_is_chosen(console: Any) -> None:
    page = console.page
    await page.locator("summary").get_by_text("Advanced").click()
    quality = page.get_by_role("slider", name="Quality")
    await expect(quality).to_have_value("95")
    await quality.fill("60")
    await console.button("Back to the default: 95").click()
    await expect(quality).to_have_value("95")
    await expect(quality).to_be_focused()
    await expect(console.button("Back to the default: 95")).to_be_hidden()
    await page.get_by_label("Format").select_option("AVIF")
    await expect(quality).to_have_value("85")
    await page.get_by_label("Format").select_option("PNG")
    await expect(quality).to_have_count(0)


async def test_a_running_swap_is_cancelled(console: Any, pictures: Any) -> None:
    console.daemon.order("hold")
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await expect(console.page.locator(".progress")).to_contain_text("Making the new face")
    await console.button("Cancel").click()
    await expect(console.page.locator(".stage")).to_contain_text("The swap was cancelled")
    assert (await console.job())["state"] == "cancelled"


async def test_a_refusal_is_told_in_words_and_tried_again(console: Any, pictures: Any) -> None:
    console.daemon.order("fail-no-face-found")
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await expect(console.page.locator(".stage [role=alert]")).to_contain_text(
        "No face was found in the picture. Choose a picture"
    )
    console.daemon.forget("fail-no-face-found")
    await console.button("Try again").click()
    await console.result_shown()


async def test_what_the_content_check_stops_is_said_without_saying_more(console: Any, pictures: Any) -> None:
    console.daemon.order("fail-content-blocked")
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await expect(console.page.locator(".stage [role=alert]")).to_contain_text("The content check stopped this picture.")


async def test_a_reload_in_mid_job_goes_on_where_it_was(console: Any, pictures: Any) -> None:
    console.daemon.order("hold")
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await expect(console.page.locator(".progress")).to_contain_text("Making the new face")
    await console.page.reload()
    await expect(console.page.locator(".progress")).to_contain_text("Making the new face")
    console.daemon.forget("hold")
    await console.result_shown()


async def test_a_result_is_redone_with_changes(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await console.result_shown()
    await console.page.get_by_text("Advanced", exact=True).click()
    await console.page.get_by_label("Seed", exact=True).fill("7")
    await console.page.keyboard.press("Tab")
    async with console.page.expect_response(lambda answer: answer.request.method == "POST"):  # pyright: ignore
        await console.button("Swap again").click()
    await expect(console.page.locator(".progress")).to_have_count(0)
    await console.result_shown()
    assert (await console.job())["options"]["seed"] == 7


async def test_a_result_goes_on_as_the_next_target(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await console.result_shown()
    await console.button("Use as target").click()
    await expect(console.page.locator(".frames li")).to_have_count(2)
    await expect(console.page.locator(".box")).to_have_count(1)


async def test_several_targets_are_swapped_in_one_go(console: Any, pictures: Any) -> None:
    await console.choose("#choose-target", pictures.portrait, pictures.group)
    await console.choose("#choose-reference", pictures.ada)
    await console.consent()
    await console.button("Swap 2 pictures").click()
    await expect(console.page.locator(".frames li[data-state=done]")).to_have_count(2)


async def test_the_saved_file_is_the_daemons_file_byte_for_byte(console: Any, pictures: Any) -> None:
    await console.ready(pictures.portrait, pictures.ada)
    await console.swap()
    await console.result_shown()
    async with console.page.expect_download() as download:
        await console.button("Save").click()
    saved = await (await download.value).path()
    job = await console.job()
    assert saved.read_bytes() == console.daemon.fetch(f"/v1/jobs/{job['id']}/result")


async def test_a_swap_needs_no_mouse(console: Any, pictures: Any) -> None:
    """Tab, Enter, Space and arrows alone, from the page's first focus to the result."""
    page = console.page

    async def tab_to(selector: str) -> None:
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab never reaches {selector}")

    async def choose(selector: str, picture: Any) -> None:
        await tab_to(selector)
        async with page.expect_file_chooser() as dialog:
            await page.keyboard.press("Enter")
        await (await dialog.value).set_files([picture.payload])

    await choose("#choose-target", pictures.portrait)
    await expect(page.locator(".box")).to_be_visible()
    await choose("#choose-reference", pictures.ada)
    for _ in range(2):
        await tab_to("dialog input[type=checkbox]:not(:checked)")
        await page.keyboard.press("Space")
    await page.keyboard.press("Control+Enter")
    await tab_to(".box")
    await page.keyboard.press("Enter")
    await expect(page.locator(".picker")).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Escape")
    await expect(page.locator(".box")).to_be_focused()
    await expect(page.locator("#swap")).to_be_enabled()
    await page.keyboard.press("Control+Enter")
    await console.result_shown()
    await expect(console.button("Save")).to_be_focused()
    await expect(page.locator(".stage-frame > [role=status]")).to_have_text("The result is there.")
