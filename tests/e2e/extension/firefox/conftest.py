"""Firefox with the extension in it, spoken to in WebDriver BiDi and worked with a real mouse."""

import asyncio
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from mien_testing.desktop import end

Answer = TypeVar("Answer")

ADDON = "mien@mien.local"
UUID = "6d69656e-0000-4000-8000-00006d69656e"
PREFERENCES = {
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.tabs.warnOnClose": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.security.https_first": False,
    "extensions.webextensions.uuids": json.dumps({ADDON: UUID}),  # so that its pages have a known address
    "intl.locale.requested": "en-US",
    "network.dns.localDomains": "page.test,cdn.page.test,other.test",
    "termsofuse.bypassNotification": True,
    "toolkit.cosmeticAnimations.enabled": False,
    "ui.prefersReducedMotion": 1,
}


class BiDi:
    """One connection, driven from a thread of its own so that tests can be plain functions."""

    def __init__(self, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._run(self._connect(f"ws://127.0.0.1:{port}/session"))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._run(self._ask(method, parameters))

    def close(self) -> None:
        self._run(self._disconnect())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    async def _connect(self, url: str) -> None:
        self._session = aiohttp.ClientSession()
        try:
            self._socket = await self._session.ws_connect(url, max_msg_size=0)
        except BaseException:
            await self._session.close()
            raise
        self._reader = asyncio.create_task(self._read())

    async def _disconnect(self) -> None:
        await self._socket.close()
        await self._reader
        await self._session.close()

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message.data)
            waiting = self._waiting.pop(answer.get("id"), None)
            if waiting and not waiting.done():
                waiting.set_result(answer)

    async def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        waiting = self._waiting[self._number] = self._loop.create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        answer = await waiting
        assert answer["type"] == "success", answer
        return dict(answer["result"])


class Firefox:
    """A person at a browser."""

    def __init__(self, bidi: BiDi, screen: Any, until: Callable[..., Any], shots: Path) -> None:
        self.bidi = bidi
        self.screen = screen
        self.until = until
        self.shots = shots

    def open(self, url: str) -> str:
        """A new tab in front; returns its context."""
        context: str = self.bidi.ask("browsingContext.create", type="tab")["context"]
        self.bidi.ask("browsingContext.navigate", context=context, url=url, wait="complete")
        self.bidi.ask("browsingContext.activate", context=context)
        return context

    def pair(self, daemon: Any) -> None:
        """A person compares the digits, says yes on both sides and chooses the first face in the popup."""
        options = self.own_page("ui/options.html#pairing")
        self.evaluate(options, f"browser.storage.local.set({{ port: {daemon.port} }}).then(() => true)")
        terminal = daemon.mien("pair")
        assert "open" in terminal.stderr.readline()
        self.click(options, "#pair")
        self.until(lambda: self.evaluate(options, "document.querySelector('#digits')?.textContent"))
        shown = self.evaluate(options, "document.querySelector('#digits').textContent")
        self.click(options, "#same")
        _, words = terminal.communicate("y\n", timeout=120)
        assert f"\n    {shown}\n" in words
        self.until(lambda: self.evaluate(options, "!!document.querySelector('#paired')?.checkVisibility()"))
        self.close(options)
        popup = self.own_page("ui/popup.html")
        self.click(popup, "label.face")
        self.until(lambda: self.evaluate(popup, "browser.storage.local.get('reference').then((k) => k.reference)"))
        self.close(popup)

    def choose(self, reference: dict[str, Any]) -> None:
        """This face, first in the menu."""
        face = {"id": reference["id"], "name": reference["name"]}
        kept = json.dumps({"reference": face, "recentReferences": [face]})
        options = self.own_page("ui/options.html")
        self.evaluate(options, f"browser.storage.local.set({kept}).then(() => true)")
        self.close(options)

    def close(self, context: str) -> None:
        self.bidi.ask("browsingContext.close", context=context)

    def evaluate(self, context: str, expression: str) -> Any:
        """The value of an expression, which travels as JSON."""
        text = f"(async () => JSON.stringify(await ({expression})))()"
        answer = self.bidi.ask("script.evaluate", expression=text, target={"context": context}, awaitPromise=True)
        assert answer["type"] == "success", answer
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def evict_background(self) -> None:
        """What Firefox does after 30 s without an event, unless a driver is attached."""
        extension = f"WebExtensionPolicy.getByID('{ADDON}').extension"
        how = "{ ignoreDevToolsAttached: true, disableResetIdleForTest: true }"

        def stopped() -> bool:
            """Ask again: an event that comes while Firefox suspends the background calls it off."""
            self.ask_window(f"{extension}.terminateBackground({how}).then(() => true)")
            return bool(self.ask_window(f"{extension}.backgroundState") == "stopped")

        self.until(stopped)

    def ask_window(self, expression: str) -> Any:
        """The same of the browser's own window."""
        window = self.bidi.ask("browsingContext.getTree", **{"moz:scope": "chrome"})["contexts"][0]["context"]
        return self.evaluate(window, expression)

    def own_page(self, path: str) -> str:
        return self.open(f"moz-extension://{UUID}/{path}")

    def click(self, context: str, selector: str) -> None:
        """As soon as it is to be seen and lies under the pointer: a page that is still being filled moves it."""
        self.until(lambda: self.evaluate(context, f"!!document.querySelector({selector!r})?.checkVisibility()"))

        def is_met() -> bool:
            self.screen.xdotool("mousemove", *self.on_screen(context, selector), "sleep", 0.1)
            return bool(self.evaluate(context, f"document.querySelector({selector!r}).matches(':hover')"))

        self.until(is_met)
        self.screen.xdotool("click", 1)

    def on_screen(self, context: str, selector: str) -> tuple[int, int]:
        x, y = self.evaluate(
            context,
            f"""(() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();
                return [mozInnerScreenX + box.x + box.width / 2, mozInnerScreenY + box.y + box.height / 2]; }})()""",
        )
        return round(x), round(y)

    def right_click(self, context: str, selector: str, *keys: str) -> None:
        self.screen.right_click(*self.on_screen(context, selector), *keys)

    def swap(self, context: str, selector: str) -> None:
        """Swap face → the first recent reference. Our entry is the last."""
        self.right_click(context, selector, "Up", "Right", "Return")

    def allow(self) -> None:
        """Say yes to the browser's own question, which takes no keys in its first half second."""
        is_open = "document.getElementById('notification-popup')?.state === 'open'"
        self.until(lambda: self.ask_window(is_open))

        def is_answered() -> bool:
            self.screen.xdotool("sleep", 1)
            self.screen.keys("alt+a")
            return not self.ask_window(is_open)

        self.until(is_answered)

    def is_covered(self, context: str, selector: str) -> bool:
        x, y = self.on_screen(context, selector)
        return bool(self.screen.colour_at(x - 120, y - 100) != (200, 40, 40))

    def shows_result(self, context: str, selector: str) -> bool:
        """The picture is a whole one that came from us."""
        image = f"document.querySelector({selector!r})"
        return bool(self.evaluate(context, f"{image}.src.startsWith('blob:') && {image}.naturalWidth > 0"))

    def sees(self, context: str, selector: str, colour: tuple[int, int, int]) -> None:
        """This colour is really there, in the middle of the element."""

        def is_there() -> bool:
            found = self.screen.colour_at(*self.on_screen(context, selector))
            return all(abs(one - other) < 12 for one, other in zip(found, colour, strict=True))

        try:
            self.until(is_there)
        except AssertionError as error:
            shot = self.shots / f"{len(list(self.shots.iterdir()))}.png"
            self.screen.picture().save(shot)
            raise AssertionError(f"{selector} is not {colour}; what was to be seen is in {shot}") from error


@pytest.fixture(scope="session")
def addon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that the build command makes for Firefox."""
    folder = tmp_path_factory.mktemp("packages")
    build = Path(__file__).parents[4] / "extension/build.mjs"
    made = subprocess.run(["node", build, folder], check=True, capture_output=True, text=True).stdout.split()
    return Path(next(path for path in made if "firefox" in path))


@pytest.fixture(scope="session")
def launch(addon: Path, until: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, free_port: Any) -> Any:
    """Start a Firefox on this screen."""

    @contextmanager
    def running(screen: Any) -> Generator[Firefox]:
        profile = tmp_path_factory.mktemp("firefox")
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
        port = free_port()
        command = ["firefox-esr", "--remote-debugging-port", str(port), "--remote-allow-system-access", "--no-remote"]
        window = ["--width", "1200", "--height", "860", "--profile", str(profile), "about:blank"]
        environment = {**screen.environment, "HOME": str(profile), "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        silent = subprocess.DEVNULL
        process = subprocess.Popen([*command, *window], env=environment, stdout=silent, stderr=silent)

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(listens)
        bidi = BiDi(port)
        bidi.ask("session.new", capabilities={})
        bidi.ask("webExtension.install", extensionData={"type": "archivePath", "path": str(addon)})
        try:
            yield Firefox(bidi, screen, until, tmp_path_factory.mktemp("shots"))
        finally:
            bidi.close()
            end(process)
            shutil.rmtree(profile, ignore_errors=True)

    return running


@pytest.fixture(scope="session")
def paired(launch: Any, screen: Any, daemon_process: Any) -> Iterator[Firefox]:
    """Firefox, paired with the daemon, with a face chosen."""
    with launch(screen) as browser:
        browser.pair(daemon_process)
        yield browser


@pytest.fixture
def person(paired: Firefox, daemon: Any) -> Firefox:
    return paired


# ── a browser whose background is evicted ──

COUNTS_RESULTS = """<img id=it src=/face.png alt=face><script>
const image = document.images[0];
const look = () => image.src.startsWith('blob:') && performance.mark('result');
new MutationObserver(look).observe(image, { attributes: true });
</script>"""


@pytest.fixture(scope="session", autouse=True)
def dozing(launch: Any, site: Any, second_screen: Any, third_daemon: Any) -> Iterator[tuple[Firefox, str]]:
    """Begun before the other tests and looked at after them: a job whose background was evicted while it ran."""
    with launch(second_screen) as browser:
        browser.pair(third_daemon)
        third_daemon.hold()
        page = browser.open(site.page("/dozing", COUNTS_RESULTS))
        browser.swap(page, "#it")
        browser.until(lambda: [job["state"] for job in third_daemon.jobs()] == ["running"])
        browser.evict_background()
        third_daemon.release()
        yield browser, page
