"""What the checker axe finds in a page that hinders people who use it by keyboard or by ear."""

from pathlib import Path

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Page

AXE = Path(AXE_FILE_PATH).read_text(encoding="utf-8")


async def find_obstacles(page: Page) -> list[str]:
    """What axe calls serious or critical: rule, and where."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    answer = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {', '.join(str(node['target']) for node in rule['nodes'])[:200]}"
        for rule in answer["violations"]
        if rule["impact"] in {"serious", "critical"}
    ]
