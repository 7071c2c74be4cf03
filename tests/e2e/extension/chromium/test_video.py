"""In Chromium the frame that a video shows is swapped as a picture, lies over it while it stands, and goes on play."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien_testing.clips import Recipe, make_clip

RED = (200, 40, 40)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Ten seconds of red, 320 × 240."""
    recipe = Recipe("libvpx", size=(320, 240), times=tuple(range(20)), rate=2, options={"deadline": "realtime"})
    path: Path = tmp_path_factory.mktemp("clip") / "a.webm"
    return make_clip(path, recipe, lambda _, size: np.full((size[1], size[0], 3), RED, np.uint8)).read_bytes()


def show(person: Any, site: Any, clip: bytes, page: str, source: str) -> Any:
    """A page on which the clip plays."""
    site.clip("/a.webm", clip)
    opened = person.open(site.page(page, f"<video src={source} muted autoplay loop width=320 height=240></video>"))
    opened.wait_for_function("document.querySelector('video').currentTime > 0")
    return opened


def test_the_frame_that_a_video_shows_is_swapped_and_goes_when_it_plays_on(person: Any, site: Any, clip: bytes) -> None:
    page = show(person, site, clip, "/video", "/a.webm")
    person.swap(page, "video")
    person.sees_green(page, "video")
    assert page.evaluate("document.querySelector('video').paused")
    page.evaluate("document.querySelector('video').play()")
    person.sees_red(page, "video")
    assert person.overlays(page).seen() == []


def test_a_video_that_plays_under_something_is_asked_about_and_plays_on_after_a_no(
    person: Any, site: Any, clip: bytes
) -> None:
    """Where players cover their video, the browser's menu speaks of no frame."""
    site.clip("/a.webm", clip)
    video = "<video src=/a.webm muted autoplay loop width=320 height=240></video>"
    cover = "<div id=it style='position:absolute;inset:0'></div>"
    page = person.open(site.page("/player", f"<div style='position:relative;width:320px'>{video}{cover}</div>"))
    page.wait_for_function("document.querySelector('video').currentTime > 0")
    person.swap_here(page, "#it")
    person.wait_for(page, "A video is playing here")
    assert page.evaluate("document.querySelector('video').paused")
    person.press(page, "Close")
    page.wait_for_function("!document.querySelector('video').paused")
    person.swap_here(page, "#it")
    person.press(page, "Swap face in this frame")
    person.sees_green(page, "video")


def test_what_is_embedded_and_no_picture_is_said_to_be_so_and_swapped_as_it_is_seen(person: Any, site: Any) -> None:
    site.page("/embedded", "<body style='background:rgb(200 40 40)'>")
    page = person.open(site.page("/embeds", "<embed id=it type=text/html src=/embedded width=320 height=240>"))
    page.wait_for_load_state("networkidle")
    person.swap_by_key(page, "#it")
    assert "Point at it" in person.wait_for(page, "no picture that Mien can read").buttons
    person.press(page, "Swap what is shown")
    person.sees_green(page, "#it")
    assert "screenshot" in person.wait_for(page, "Edited with Mien").words


def test_a_frame_of_another_sites_video_is_refused_by_name(person: Any, site: Any, clip: bytes) -> None:
    page = show(person, site, clip, "/foreign-video", site.url("/a.webm", "elsewhere.test"))
    person.swap(page, "video")
    person.wait_for(page, "from another site")
