"""In Chromium a person right-clicks a picture and watches it change in place, whatever kind of picture it is."""

from typing import Any

import pytest


def test_a_right_click_swaps_the_picture_in_place_and_undo_brings_it_back(person: Any, site: Any) -> None:
    page = person.open(site.page("/plain", "<img src=/face.png alt=face>"))
    person.swap(page, "img")
    person.sees_green(page)
    assert page.evaluate("document.querySelector('img').width") == 320
    person.undo(page)
    person.sees_red(page)
    assert page.get_attribute("img", "src") == "/face.png"
    assert person.overlays(page).seen() == []


def test_an_edited_picture_is_swapped_again_from_its_original(person: Any, site: Any, daemon: Any) -> None:
    page = person.open(site.page("/again", "<img src=/face.png alt=face>"))
    person.swap(page, "img")
    person.sees_green(page)
    first = daemon.jobs()[0]
    person.swap(page, "img")
    person.until(lambda: daemon.jobs()[0]["id"] != first["id"] and daemon.jobs()[0]["state"] == "done")
    assert daemon.jobs()[0]["target"] == first["target"]
    person.sees_green(page)
    person.undo(page)
    person.sees_red(page)


def test_the_menu_brings_the_original_back_as_well(person: Any, site: Any) -> None:
    page = person.open(site.page("/restore", "<img src=/face.png alt=face>"))
    person.swap(page, "img")
    person.sees_green(page)
    person.right_click(page, "img", "Up", "Up", "Right", "Up", "Up", "Return")
    person.sees_red(page)


def test_the_key_swaps_the_picture_that_was_clicked_last(person: Any, site: Any) -> None:
    body = "<img id=first src=/face.png alt=face><img id=second src=/face.png alt=face>"
    page = person.open(site.page("/key", body))
    person.swap(page, "#first")
    person.sees_green(page, "#first")
    person.swap_by_key(page, "#second")
    person.sees_green(page, "#second")


def test_holding_the_button_shows_the_original_for_so_long(person: Any, site: Any) -> None:
    page = person.open(site.page("/compare", "<img src=/face.png alt=face>"))
    person.swap(page, "img")
    person.sees_green(page)
    person.hover_mark(page)
    page.mouse.move(*person.place_of(page, "Hold to compare"))
    page.mouse.down()
    person.sees_red(page)
    page.mouse.up()
    person.sees_green(page)


PICTURES = {
    "srcset": "<img srcset='/face.png 1x, /dense.png 2x' src=/face.png alt=face>",
    "picture": "<picture><source srcset=/wide.png media='(min-width: 1px)'><img src=/face.png alt=face></picture>",
    "lazy": "<div style='height:1500px'></div><img loading=lazy src=/face.png width=320 height=240 alt=face>",
    "data": "<img alt=face>",
    "blob": "<img alt=face>",
    "linked": "<a href=/elsewhere><img src=/face.png alt=face></a>",
    "object-fit": "<img src=/face.png alt=face style='width:200px;height:300px;object-fit:cover;border-radius:40px'>",
    "zoomed": "<div style='zoom:1.5'><img src=/face.png alt=face></div>",
    "dialog": "<dialog id=d><img src=/face.png alt=face></dialog><script>d.showModal()</script>",
    "shadow": "<div id=host></div>",
    "closed-shadow": "<div id=host></div>",
}
SCRIPTS = {
    "data": """fetch('/face.png').then(r => r.blob()).then(b => { const f = new FileReader();
        f.onload = () => { document.images[0].src = f.result; }; f.readAsDataURL(b); })""",
    "blob": """fetch('/face.png').then(r => r.blob())
        .then(b => { document.images[0].src = URL.createObjectURL(b); })""",
    "shadow": """host.attachShadow({mode: 'open'}).innerHTML = '<img src=/face.png width=320 height=240>';
        host.style.cssText = 'display:block;width:320px;height:240px'""",
    "closed-shadow": """host.attachShadow({mode: 'closed'}).innerHTML = '<img src=/face.png width=320 height=240>';
        host.style.cssText = 'display:block;width:320px;height:240px'""",
}


@pytest.mark.parametrize("kind", PICTURES)
def test_every_kind_of_image_is_swapped_where_it_is(person: Any, site: Any, kind: str) -> None:
    site.picture("/dense.png", (640, 480))
    site.picture("/wide.png", (640, 200))
    page = person.open(site.page(f"/kind-{kind}", f"{PICTURES[kind]}<script>{SCRIPTS.get(kind, '')}</script>"))
    selector = "#host" if "shadow" in kind else "img"
    page.wait_for_function("(s) => document.querySelector(s).getBoundingClientRect().width > 100", arg=selector)
    page.locator(selector).scroll_into_view_if_needed()
    before = page.evaluate("(s) => document.querySelector(s).getBoundingClientRect().toJSON()", selector)
    person.swap(page, selector)
    person.sees_green(page, selector)
    assert page.evaluate("(s) => document.querySelector(s).getBoundingClientRect().toJSON()", selector) == before
    person.undo(page)
    person.sees_red(page, selector)


ELSEWHERE = {
    "background": "<div id=it style='width:300px;height:200px;background:url(/face.png) center/cover'></div>",
    "canvas": """<canvas id=it width=320 height=240></canvas><script>const i = new Image(); i.src = '/face.png';
        i.onload = () => it.getContext('2d').drawImage(i, 0, 0);</script>""",
    "covered": """<div style='position:relative;width:320px'><img src=/face.png alt=face style='display:block'>
        <div id=it style='position:absolute;inset:0'></div></div>""",
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_is_no_image_element_is_swapped_too(person: Any, site: Any, kind: str) -> None:
    page = person.open(site.page(f"/else-{kind}", ELSEWHERE[kind]))
    page.wait_for_load_state("networkidle")
    ways = {"background": person.swap_here, "canvas": person.swap_by_key, "covered": person.swap}
    ways[kind](page, "#it")
    person.sees_green(page, "#it")
    person.undo(page)
    person.sees_red(page, "#it")


STRICT = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"


def test_a_strict_policy_of_the_page_does_not_stop_the_result(person: Any, site: Any) -> None:
    page = person.open(site.page("/strict", "<img src=/face.png alt=face>", Content_Security_Policy=STRICT))
    person.swap(page, "img")
    person.sees_green(page)


def test_a_background_under_a_strict_policy_is_covered(person: Any, site: Any) -> None:
    page = person.open(site.page("/strict-background", ELSEWHERE["background"], Content_Security_Policy=STRICT))
    person.swap_here(page, "#it")
    person.sees_green(page, "#it")
    person.undo(page)
    person.sees_red(page, "#it")


def test_a_picture_on_another_host_is_asked_for_by_name_and_then_swapped(person: Any, site: Any) -> None:
    """The CDN wants its cookie and the page's Referer, as some do."""
    needs = {"cookie": "who=me", "referer": "page.test"}
    site.picture("/cdn.png", needs=needs, headers={"Cross-Origin-Resource-Policy": "cross-origin"})
    site.answers["/cookie"] = type(site.answers["/cdn.png"])(b"", headers={"Set-Cookie": "who=me; SameSite=Lax"})
    person.open(site.url("/cookie", "cdn.page.test")).close()
    page = person.open(site.page("/foreign", f"<img src={site.url('/cdn.png', 'cdn.page.test')} alt=face>"))
    person.swap(page, "img")
    person.allow()
    person.sees_green(page)
    origins = person.worker.evaluate("chrome.permissions.getAll().then(({origins}) => origins)")
    assert sorted(origins) == ["http://127.0.0.1/*", "http://cdn.page.test/*"]


def test_a_picture_whose_host_is_refused_becomes_a_screenshot_and_says_so(person: Any, site: Any) -> None:
    page = person.open(site.page("/refused", f"<img src={site.url('/face.png', 'other.test')} alt=face>"))
    person.swap(page, "img")
    person.refuse()
    person.sees_green(page)
    assert "screenshot" in person.wait_for(page, "Edited with Mien").words


def test_two_pictures_are_swapped_at_once(person: Any, site: Any, daemon: Any) -> None:
    body = "<img id=one src=/face.png alt=face> <img id=two src=/face.png?2 alt=face>"
    page = person.open(site.page("/two", body))
    daemon.hold()
    person.swap(page, "#one")
    person.swap(page, "#two")
    overlays = person.overlays(page)
    person.until(lambda: sum("Cancel" in seen.buttons for seen in overlays.seen()) == 2)
    daemon.release()
    person.sees_green(page, "#one")
    person.sees_green(page, "#two")


def test_a_picture_in_another_sites_frame_is_swapped(person: Any, site: Any) -> None:
    site.page("/inner", "<body style='margin:0'><img src=/face.png alt=face>")
    inner = site.url("/inner", "frame.test")
    page = person.open(site.page("/outer", f"<iframe src={inner} width=340 height=260></iframe>"))
    page.frame_locator("iframe").locator("img").wait_for()
    person.swap(page, "iframe")
    person.allow()
    person.sees_green(page, "iframe")


def test_the_result_survives_the_page_drawing_its_picture_anew(person: Any, site: Any) -> None:
    page = person.open(site.page("/redraw", "<main><img src=/face.png alt=face></main>"))
    person.swap(page, "img")
    person.sees_green(page)
    page.evaluate("document.querySelector('main').innerHTML = '<p>more</p><img src=/face.png alt=face>'")
    person.sees_green(page)
    page.evaluate("document.images[0].src = '/face.png'")
    person.sees_green(page)
    person.undo(page)
    person.sees_red(page)


def test_a_new_picture_of_the_page_is_left_alone(person: Any, site: Any) -> None:
    page = person.open(site.page("/next", "<img src=/face.png alt=face>"))
    person.swap(page, "img")
    person.sees_green(page)
    page.evaluate("document.images[0].src = '/face.png?other'")
    person.until(lambda: person.overlays(page).seen() == [])
    person.sees_red(page)


def test_a_picture_that_changed_under_the_menu_is_said_at_the_pointer_and_pointed_at(person: Any, site: Any) -> None:
    site.picture("/later.png")
    change = "addEventListener('contextmenu', () => setTimeout(() => { it.src = '/later.png' }, 0))"
    page = person.open(site.page("/changed", f"<img id=it src=/face.png alt=face><script>{change}</script>"))
    person.swap(page, "img")
    person.wait_for(page, "changed this picture")
    person.press(page, "Point at it")
    page.mouse.click(100, 100)
    person.sees_green(page)


def test_a_face_is_chosen_on_the_picture_itself(person: Any, site: Any) -> None:
    """Last: from here on Ben is the face that is used."""
    person.worker.evaluate("chrome.storage.local.set({ reference: null, recentReferences: [] })")
    page = person.open(site.page("/choose", "<img src=/face.png alt=face>"))
    person.swap(page, "img")  # with no face used before, the first entry is "Choose a face…"
    assert {"Anna", "Ben", "Add", "Cancel"} <= set(person.wait_for(page, "Choose a face").buttons)
    person.screen.keys("Right", "Return")
    person.sees_green(page)
    assert "Ben" in person.wait_for(page, "Edited with Mien").words
