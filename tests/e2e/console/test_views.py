"""Every view speaks the browser's language, holds up no one, and fits a telephone."""

from typing import Any

import pytest
from playwright.async_api import expect

from mien_testing.axe import find_obstacles

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWS = ("swap", "jobs", "results", "faces", "models", "settings")


@pytest.mark.parametrize(("locale", "word"), [("de-DE", "Einstellungen"), ("fr-FR", "Réglages"), ("ja-JP", "設定")])
async def test_the_page_speaks_the_browsers_language(new_page: Any, locale: str, word: str) -> None:
    async for console in new_page(locale=locale):
        await console.go("settings")
        await expect(console.page.locator("h1")).to_have_text(word)
        assert await console.page.evaluate("document.documentElement.lang") == locale[:2]


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


async def test_what_is_done_with_chosen_results_fits_a_telephone(new_page: Any, pictures: Any) -> None:
    """Two results with long names are chosen and compared."""
    async for console in new_page(viewport={"width": 390, "height": 844}):
        page = console.page
        target = console.daemon.put(pictures.portrait.data)
        label = {"target": "IMG_20260714_184233_HDR_edited-final(3).jpeg", "references": ["a"]}
        body = {"kind": "swap", "target": target, "reference": console.daemon.put(pictures.ada.data), "label": label}
        options = [{"engine": "mesh", "seed": seed} for seed in range(2)]
        made = [console.daemon.ask("POST", "/v1/jobs", {**body, "options": each})["id"] for each in options]
        await console.go("results")
        checks = [page.locator(f".shot[data-id='{job}'] .shot-check input") for job in made]
        for check in checks:  # a result that came later would push the others on
            await expect(check).to_be_attached()
        await page.get_by_role("searchbox").fill("nobody of this name")
        await console.button("Show all results").click()
        for check in checks:
            await check.check(force=True)
        for button in await page.locator(".selection-bar button").all():
            box = await button.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390
        await console.button("Compare").click()
        await expect(page.locator(".reports .report")).to_have_count(2)
        assert await page.evaluate("document.querySelector('main').scrollWidth") == 390
        assert await find_obstacles(page) == []


async def test_a_result_in_sight_is_read_out_and_nothing_lies_over_it(console: Any, pictures: Any) -> None:
    """What is said leaves after a while, so whatever comes is kept."""
    await console.ready(pictures.portrait, pictures.ada)
    await console.page.evaluate("""() => {
        window.told = [];
        new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((each) =>
            window.told.push(`${each.className}: ${each.textContent}`))))
            .observe(document.querySelector(".toasts"), { childList: true });
    }""")
    await console.swap()
    await console.result_shown()
    await console.page.wait_for_function("window.told.length > 0")
    assert await console.page.evaluate("window.told") == ["unseen: Done: ada → portrait.png"]
