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
