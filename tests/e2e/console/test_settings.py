"""Settings: who is let in, what is kept, in Chromium against a daemon process."""

from typing import Any

import pytest
from playwright.async_api import expect

from mien_daemon.access import handshake

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
