"""In Chromium trouble is said in words over the picture, with the one thing to do; no page is let in on any of it."""

from typing import Any

import pytest

PICTURE = "<img src=/face.png alt=face>"


def test_cancelling_takes_the_overlay_away_and_stops_the_job(person: Any, site: Any, daemon: Any) -> None:
    daemon.hold()
    page = person.open(site.page("/cancel", PICTURE))
    person.swap(page, "img")
    person.wait_for(page, "Making the new face")
    person.press(page, "Cancel")
    person.until(lambda: person.overlays(page).seen() == [])
    person.until(lambda: daemon.jobs()[0]["state"] == "cancelled")
    person.sees_red(page)


def test_a_second_swap_of_a_picture_takes_the_place_of_one_that_is_still_made(
    person: Any, site: Any, daemon: Any
) -> None:
    daemon.hold()
    page = person.open(site.page("/twice", PICTURE))
    person.swap(page, "img")
    person.wait_for(page, "Making the new face")
    first = daemon.jobs()[0]["id"]
    person.swap_by_key(page, "img")
    person.until(lambda: [job["state"] for job in daemon.jobs() if job["id"] == first] == ["cancelled"])
    person.until(lambda: daemon.jobs()[0]["id"] != first)
    daemon.release()
    person.sees_green(page)
    assert daemon.jobs()[0]["state"] == "done"
    person.undo(page)
    person.sees_red(page)


def test_a_daemon_that_is_killed_and_comes_back_finishes_the_job(person: Any, site: Any, daemon: Any) -> None:
    daemon.hold()
    page = person.open(site.page("/killed", PICTURE))
    person.swap(page, "img")
    person.wait_for(page, "Making the new face")
    daemon.kill()
    person.wait_for(page, "Mien does not answer")
    daemon.release()
    daemon.start()
    person.sees_green(page)


def test_without_a_daemon_the_picture_says_how_to_start_it(person: Any, site: Any, daemon: Any) -> None:
    daemon.kill()
    page = person.open(site.page("/absent", PICTURE))
    try:
        person.swap(page, "img")
        said = person.wait_for(page, "Mien is not running")
        assert "mien serve" in said
    finally:
        daemon.start()
    person.press(page, "Try again")
    person.sees_green(page)


@pytest.mark.parametrize(
    ("code", "words", "buttons"),
    [
        ("no-face-found", "No face was found in the picture", {"Close"}),
        ("content-blocked", "The content check stopped this picture", {"Close"}),
    ],
)
def test_a_refusal_is_said_over_the_picture(
    person: Any, site: Any, daemon: Any, code: str, words: str, buttons: set[str]
) -> None:
    daemon.refuse(code)
    page = person.open(site.page(f"/refused-{code}", PICTURE))
    person.swap(page, "img")
    assert set(person.wait_for(page, words).buttons) == buttons
    person.press(page, "Close")
    person.until(lambda: person.overlays(page).seen() == [])
    person.sees_red(page)


HOSTILE = """
<img src=/face.png alt=face>
<script>
window.spoils = { hosts: 0, words: '', pressed: 0, closed: true };
const shadow = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) { spoils.shadow = true; return shadow.call(this, { mode: 'open' }); };
const count = (event) => { if (!event.isTrusted) spoils.pressed++; };
for (const kind of ['click', 'pointerdown', 'keydown']) addEventListener(kind, count, true);
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const node of addedNodes) {
    if (node.nodeType !== 1 || node.localName !== 'div') continue;
    spoils.hosts++;
    spoils.words += node.textContent + (node.shadowRoot?.textContent ?? '') + (node.attachInternals ? '' : '');
    spoils.closed &&= node.shadowRoot === null;
    node.style.cssText = 'position: static !important; opacity: 0 !important; transform: scale(9)';
    for (const target of [node, document.elementFromPoint(168, 180), document.images[0]]) {
      const far = { bubbles: true, composed: true };
      for (const kind of ['click', 'pointerdown', 'pointerup']) target.dispatchEvent(new MouseEvent(kind, far));
      target.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', ...far }));
    }
  }
}).observe(document, { childList: true, subtree: true });
</script>"""


def test_a_hostile_page_reads_nothing_and_presses_nothing(person: Any, site: Any, daemon: Any) -> None:
    daemon.hold()
    page = person.open(site.page("/hostile", HOSTILE))
    person.swap(page, "img")
    person.wait_for(page, "Making the new face")
    spoils = page.evaluate("spoils")
    assert spoils["hosts"] >= 1
    assert (spoils["words"], spoils["closed"], spoils.get("shadow")) == ("", True, None)
    assert page.evaluate("Object.keys(window).filter((name) => /mien/i.test(name))") == []
    assert daemon.jobs()[0]["state"] == "running"
    x, y = person.on_screen(page, "img")
    person.see(lambda: person.screen.colour_at(x - 140, y - 100) != (200, 40, 40), "the overlay is not to be seen")
    daemon.release()
    person.sees_green(page)


def test_a_page_that_covers_the_picture_covers_the_mark_as_well(person: Any, site: Any) -> None:
    page = person.open(site.page("/covers", PICTURE))
    person.swap(page, "img")
    person.sees_green(page)
    page.evaluate(
        """() => { const cover = document.body.appendChild(document.createElement('div'));
            cover.style.cssText = 'position:fixed;inset:0;background:white'; }"""
    )
    person.until(lambda: person.overlays(page).seen() == [])


def test_a_page_that_takes_the_overlay_away_does_not_stop_the_swap(person: Any, site: Any, daemon: Any) -> None:
    daemon.hold()
    page = person.open(site.page("/removes", PICTURE))
    person.swap(page, "img")
    person.wait_for(page, "Making the new face")
    page.evaluate("document.querySelectorAll('html > div').forEach((host) => host.remove())")
    person.wait_for(page, "Making the new face")
    daemon.release()
    person.sees_green(page)


def test_only_the_background_reaches_the_daemon(person: Any, site: Any, daemon: Any) -> None:
    """Local Network Access and the daemon's guard, asked from a public page, from our script in it, and from behind."""
    page = person.open(site.page("/lna", PICTURE))
    ask = "(url) => fetch(url).then((answer) => answer.text(), (error) => error.name)"
    url = f"http://127.0.0.1:{daemon.port}/v1/hello"
    assert page.evaluate(ask, url) == "TypeError"
    person.swap(page, "img")
    person.sees_green(page)
    in_page = person.worker.evaluate(
        """async ([url]) => {
            const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
            const func = (url) => fetch(url).then((answer) => answer.text(), (error) => error.name);
            const [{ result }] = await chrome.scripting.executeScript({ target: { tabId: tab.id }, func, args: [url] });
            return result;
        }""",
        [url],
    )
    assert in_page == "TypeError"
    assert person.worker.evaluate(ask, url) == '{"name":"mien","api":1}'


def test_a_revoked_browser_is_told_to_pair_again_and_then_goes_on(person: Any, site: Any, daemon: Any) -> None:
    """Last, for the browser is paired once for all of these tests; it is paired again here."""
    (client,) = [known for known in daemon.clients() if known["origin"]]
    revoked = daemon.mien("clients", "revoke", client["id"])
    revoked.communicate(timeout=120)
    assert revoked.returncode == 0
    page = person.open(site.page("/revoked", PICTURE))
    person.swap(page, "img")
    said = person.wait_for(page, "not paired")
    assert "Pair this browser" in said.buttons
    person.pair(daemon)
    page.bring_to_front()
    person.sees_green(page)
