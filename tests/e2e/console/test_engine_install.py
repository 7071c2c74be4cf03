"""A button installs what an engine runs on: the real uv makes the environment from a lock file and a local index."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from mien_models.environments.environment import EngineEnvironment
from mien_testing.engine_wheels import offer_wheels, write_lock, write_wheels
from mien_testing.network import Shop, break_off, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def lock(tmp_path: Path, shop: Shop) -> Path:
    wheels = write_wheels(tmp_path / "published")
    offer_wheels(shop, wheels)
    return write_lock(tmp_path / "pylock.toml", wheels, shop.url + "files/").path


@pytest_asyncio.fixture(loop_scope="module")
async def at_engines(new_console: Any, tmp_path: Path, shop: Shop, lock: Path) -> AsyncIterator[Any]:
    index = {"PIP_INDEX_URL": shop.url + "simple/", "PAINTER_LOCK": str(lock)}
    async for opened in new_console(tmp_path, tmp_path / "models", **index):
        await opened.go("models")
        yield opened


def described(console: Any) -> Any:
    engines = console.daemon.ask("GET", "/v1/engines")["engines"]
    return next(each for each in engines if each["name"] == "flux")


def answer_of(python: Path) -> str:
    """What the package `extra` of an environment says."""
    words = [str(python), "-c", "import extra; print(extra.answer)"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def lock_for_another_machine(lock: Path) -> None:
    lock.write_text(lock.read_text().replace("py3-none-any", "py3-none-win_arm64"))


async def test_an_engine_is_installed_with_a_button(at_engines: Any, shop: Shop, tmp_path: Path) -> None:
    """A cut transfer goes on; what was missing is there afterwards, and the next step is offered."""
    page, before = at_engines.page, described(at_engines)
    assert (before["state"], before["missing_libraries"]) == ("needs-libraries", ["extra"])
    assert before["part"]["download_bytes"] == sum(len(shop.files[name]) for name in shop.files if "/files/" in name)
    assert before["download_bytes"] > before["part"]["download_bytes"], "the models, too"
    shop.next = [serve, serve, break_off(100)]
    card = page.locator("[data-engine=flux]")
    await expect(card.locator(".card-facts")).to_contain_text("GB to download")
    await card.get_by_role("button", name="Install").click()
    if before["fits"] == "no":
        await at_engines.button("Get it anyway").click()
    await expect(page.locator(".toast").first).to_contain_text("The installation has begun")
    await expect(card.locator("[data-deed=get]")).to_be_visible()

    after = described(at_engines)
    assert (after["part"], after["state"]) == (None, "needs-models")
    python = EngineEnvironment(tmp_path / "models").python
    assert answer_of(python) == "42"


async def test_what_cannot_be_installed_says_why_and_the_command(at_engines: Any, lock: Path) -> None:
    """Here the lock file has no wheel for this machine."""
    lock_for_another_machine(lock)
    page = at_engines.page
    await page.reload()
    card = page.locator("[data-engine=flux]")
    await expect(card).to_contain_text("There is no tested set of packages for this machine")
    await expect(card.locator("code")).to_have_text("mien engines install flux")
    await expect(card.get_by_role("button")).to_have_count(0)
    assert described(at_engines)["part"]["obstacle"] == "not-locked"
