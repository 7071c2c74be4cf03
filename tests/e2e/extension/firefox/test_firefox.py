"""In Firefox the same extension pairs, swaps with a real right click, and says what went wrong."""

from typing import Any

import pytest

RED = (200, 40, 40)
GREEN = (20, 200, 60)
STRICT = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
PAGES = {
    "same-origin": ("<img id=it src=/face.png alt=face>", {}),
    "srcset": ("<img id=it srcset='/face.png 1x, /dense.png 2x' alt=face>", {}),
    "strict-policy": ("<img id=it src=/face.png alt=face>", {"Content_Security_Policy": STRICT}),
    "background": (
        "<div id=it style='width:300px;height:200px;background:url(/face.png) center/cover'></div>",
        {},
    ),
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_right_click_swaps_the_picture_and_the_menu_brings_it_back(person: Any, site: Any, kind: str) -> None:
    site.picture("/dense.png", (640, 480))
    body, headers = PAGES[kind]
    page = person.open(site.page(f"/firefox-{kind}", body, **headers))
    person.swap(page, "#it")
    person.sees(page, "#it", GREEN)
    person.right_click(page, "#it", "Up", "Right", "Up", "Up", "Return")
    person.sees(page, "#it", RED)
    person.close(page)


def test_a_picture_on_another_host_is_asked_for_and_then_swapped(person: Any, site: Any) -> None:
    page = person.open(
        site.page("/firefox-foreign", f"<img id=it src={site.url('/face.png', 'cdn.page.test')} alt=face>")
    )
    person.swap(page, "#it")
    person.allow()
    person.sees(page, "#it", GREEN)
    person.close(page)


def test_a_refusal_is_said_over_the_picture_and_leaves_it_alone(person: Any, site: Any, daemon: Any) -> None:
    daemon.refuse("no-face-found")
    page = person.open(site.page("/firefox-refused", "<img id=it src=/face.png alt=face>"))
    person.swap(page, "#it")
    person.until(lambda: daemon.jobs()[0]["state"] == "failed")
    person.until(lambda: person.is_covered(page, "#it"))
    person.close(page)


def test_a_daemon_that_is_killed_and_comes_back_finishes_the_job(person: Any, site: Any, daemon: Any) -> None:
    daemon.hold()
    page = person.open(site.page("/firefox-killed", "<img id=it src=/face.png alt=face>"))
    person.swap(page, "#it")
    person.until(lambda: daemon.jobs()[0]["state"] == "running")
    daemon.kill()
    daemon.release()
    daemon.start()
    person.sees(page, "#it", GREEN)
    person.close(page)
