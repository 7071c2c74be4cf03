"""In Chromium pairing takes two people's looks at the same six digits, and nothing else lets a browser in."""

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

HOLD = """async () => {
    const { Keychain } = await import('/src/keychain.js');
    const keychain = new Keychain(indexedDB);
    window.held = await keychain.load();
    await keychain.forget();
    await chrome.storage.session.remove("session");
}"""
GIVE_BACK = """async () => {
    const { Keychain } = await import('/src/keychain.js');
    if (window.held) await new Keychain(indexedDB).save(window.held);
}"""


@contextmanager
def pairing_page(browser: Any, daemon: Any) -> Generator[Any]:
    """The options of a browser that is not paired, though it may have been before and be again afterwards."""
    settings = browser.worker.evaluate("() => chrome.storage.local.get(null)")
    browser.worker.evaluate("(port) => chrome.storage.local.set({ port })", daemon.port)
    holder = browser.own_page("ui/permission.html")
    holder.evaluate(HOLD)
    page = browser.own_page("ui/options.html#pairing")
    try:
        yield page
    finally:
        page.close()
        holder.evaluate(GIVE_BACK)
        holder.close()
        browser.worker.evaluate("(settings) => chrome.storage.local.set(settings)", settings)


def test_the_extension_asks_both_sides_show_the_same_digits_and_a_refusal_grants_nothing(
    browser: Any, daemon: Any
) -> None:
    with pairing_page(browser, daemon) as page:
        before = daemon.clients()
        page.click("#pair")
        page.wait_for_selector("#comparing")
        shown = page.inner_text("#digits")
        assert "mien pair" in page.inner_text("#pairing")  # nothing of Mien's is open to show them
        terminal = daemon.mien("pair")
        _, words = terminal.communicate("n\n", timeout=120)
        assert f"\n    {shown}\n" in words
        page.wait_for_selector("#pairing-notice")
        assert daemon.clients() == before


def test_a_new_person_pairs_adds_a_face_and_opens_the_console_from_the_popup(browser: Any, daemon: Any) -> None:
    """The popup is shut while the person looks at the terminal, as browsers do."""
    face = {"name": "me.png", "mimeType": "image/png", "buffer": daemon.picture}
    with pairing_page(browser, daemon):
        known = {client["id"] for client in daemon.clients()}
        terminal = daemon.mien("pair")
        assert "open" in terminal.stderr.readline()
        popup = browser.own_page("ui/popup.html")
        popup.click("#pair")
        popup.click("#same")
        popup.wait_for_selector("#stop")
        popup.close()
        terminal.communicate("y\n", timeout=120)
        popup = browser.own_page("ui/popup.html")
        popup.click("#add-face")
        popup.locator("#file").set_input_files(files=[face])
        popup.get_by_label("Name").fill("Cleo")
        popup.click("#keep")
        popup.wait_for_selector("label.face:has-text('Cleo') :checked")
        with browser.context.expect_page() as opened:
            popup.click("#open")
        opened.value.wait_for_selector(".frame")
        opened.value.close()
        (cleo,) = [
            kept for kept in daemon.client.request("GET", "/v1/references")["references"] if kept["name"] == "Cleo"
        ]
        assert cleo["basis"] == "self"
        daemon.client.request("DELETE", f"/v1/references/{cleo['id']}")
        for client in daemon.clients():
            if client["id"] not in known:
                daemon.client.request("DELETE", f"/v1/clients/{client['id']}")


def test_of_a_popup_with_all_it_can_show_only_lists_scroll(paired: Any) -> None:
    entries = [{"key": f"shown-{number}", "state": "queued" if number < 3 else "done"} for number in range(11)]
    common = {"tabId": 0, "frameId": 0, "createdAt": 0, "reference": {"id": "x", "name": "Anna"}, "progress": 0.5}
    kept = {f"job:{entry['key']}": {**common, **entry} for entry in entries}
    paired.worker.evaluate("(kept) => chrome.storage.session.set(kept)", kept)
    popup = paired.own_page("ui/popup.html")
    popup.set_viewport_size({"width": 372, "height": 600})  # the most that browsers give to a popup
    popup.wait_for_selector("label.face")
    assert popup.locator(".job").count() == 3
    assert popup.locator(".result:visible").count() == 4
    for part in ("html", "main"):
        assert popup.eval_on_selector(part, "(part) => part.scrollHeight - part.clientHeight") == 0
    assert popup.eval_on_selector("#jobs", "(list) => list.scrollHeight > list.clientHeight")
    popup.close()
    paired.worker.evaluate("(keys) => chrome.storage.session.remove(keys)", list(kept))


def test_of_several_people_one_is_chosen_and_the_others_are_not_kept(paired: Any, daemon: Any) -> None:
    couple = {"name": "couple.png", "mimeType": "image/png", "buffer": daemon.couple}
    popup = paired.own_page("ui/popup.html")
    popup.click("#add-face")
    popup.click("#cancel-face")  # back among the faces
    popup.click("#add-face:focus")
    popup.locator("#file").set_input_files(files=[couple])
    popup.get_by_role("button", name="Person 2").click()
    assert popup.locator(".portrait").evaluate("(image) => image.decode().then(() => image.naturalWidth)") < 192
    popup.get_by_label("Name").fill("Dora")
    popup.click("#keep")
    popup.wait_for_selector("label.face:has-text('Dora') :checked")
    (dora,) = [each for each in daemon.client.request("GET", "/v1/references")["references"] if each["name"] == "Dora"]
    daemon.client.request("DELETE", f"/v1/references/{dora['id']}")
    popup.close()
    paired.choose_first_face()


def test_the_key_cannot_be_taken_out_of_the_browser(paired: Any) -> None:
    page = paired.own_page("ui/options.html")
    kept = page.evaluate(
        """async () => {
            const { Keychain } = await import('/src/keychain.js');
            const { key } = await new Keychain(indexedDB).load();
            const taken = await crypto.subtle.exportKey('raw', key).catch((error) => error.name);
            return { extractable: key.extractable, taken, local: JSON.stringify(await chrome.storage.local.get(null)) };
        }"""
    )
    page.close()
    assert (kept["extractable"], kept["taken"]) == (False, "InvalidAccessError")
    assert "key" not in json.loads(kept["local"])


def test_a_paired_browser_may_swap_and_nothing_else(paired: Any, daemon: Any) -> None:
    """Its bearer, taken by a debugger, opens neither the clients nor the settings nor another pairing."""
    paired.worker.evaluate("chrome.storage.session.remove('session')")
    popup = paired.own_page("ui/popup.html")
    popup.wait_for_selector(".state.paired")
    popup.close()
    asked = paired.worker.evaluate(
        """async (port) => {
            const { session } = await chrome.storage.session.get('session');
            const headers = { Authorization: `Bearer ${session.token}` };
            const status = async (path, method = 'GET') =>
                (await fetch(`http://127.0.0.1:${port}${path}`, { method, headers })).status;
            return [await status('/v1/health'), await status('/v1/clients'), await status('/v1/settings'),
                await status('/v1/pair/window', 'POST')];
        }""",
        daemon.port,
    )
    assert asked == [200, 403, 403, 403]


def test_everything_stored_is_deleted_when_the_button_is_pressed_twice(browser: Any, daemon: Any) -> None:
    with pairing_page(browser, daemon) as page:
        kept = browser.worker.evaluate("chrome.storage.local.get(null)")
        page.click("#delete")
        assert browser.worker.evaluate("chrome.storage.local.get(null)") == kept
        try:
            page.click("#delete")
            page.wait_for_selector("#deleted:not(:empty)")
            assert browser.worker.evaluate("chrome.storage.local.get(null)") == {}
        finally:
            browser.worker.evaluate("(kept) => chrome.storage.local.set(kept)", kept)


class Squatter(BaseHTTPRequestHandler):
    """Something else on the port: it speaks as Mien and writes down whatever it is told."""

    heard: list[tuple[str, dict[str, str], bytes]]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.heard.append((self.path, dict(self.headers.items()), body))
        words = {"name": "mien", "api": 1, "id": "s", "nonce": "A" * 43, "proof": "A" * 43, "token": "x"}
        data = json.dumps(words).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 the names that http.server calls

    def log_message(self, format: str, *words: object) -> None:
        pass


@pytest.fixture
def squatter() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Squatter,), {"heard": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_squatter_on_the_port_gets_neither_a_picture_nor_a_token(
    person: Any, site: Any, daemon: Any, squatter: ThreadingHTTPServer
) -> None:
    page = person.open(site.page("/squatted", "<img src=/face.png alt=face>"))
    person.worker.evaluate("(port) => chrome.storage.local.set({ port })", squatter.server_port)
    try:
        person.swap(page, "img")
        person.wait_for(page, "Another program answers")
    finally:
        person.worker.evaluate("(port) => chrome.storage.local.set({ port })", daemon.port)
    heard = squatter.RequestHandlerClass.heard  # type: ignore[attr-defined]
    assert {path for path, _, _ in heard} == {"/v1/pair/sessions"}
    assert all(set(json.loads(body)) == {"client", "nonce"} for _, _, body in heard)
    assert not any("authorization" in {name.lower() for name in headers} for _, headers, _ in heard)
