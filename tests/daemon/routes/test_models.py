"""The model store over HTTP: fetched, paused, removed, proved; the same as on the command line.

The daemon's catalogue is its own here: weights lie in a folder of this machine, or behind a server that the
test holds in its hand.
"""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mien_core.errors import Cancelled
from mien_daemon import keys
from mien_models.progress import PullProgress

LOCAL = b"weights on this machine"
REMOTE = bytes(range(256)) * 400
LICENCE = b"Do as you like, but read this first.\n"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Hub:
    """Serves REMOTE, half of it at first; the rest when `go_on` is set."""

    url: str = ""
    asked: list[str] = field(default_factory=list[str])
    half_sent: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def hub() -> Generator[Hub]:
    held = Hub()
    held.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            held.asked.append(self.path)
            first, _, last = (self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(REMOTE)), len(REMOTE) - 1)
            body = REMOTE[start : end + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(REMOTE)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if len(body) > 1:
                held.half_sent.set()
                held.go_on.wait(60)
            try:
                self.wfile.write(body[len(body) // 2 :])
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}/"
    yield held
    held.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def own_catalogue(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models of a person's own: one in a folder, under a licence to accept, and one behind the hub."""
    folder = tmp_path / "own-models"
    folder.mkdir()
    (folder / "local.dat").write_bytes(LOCAL)
    (folder / "LICENCE").write_bytes(LICENCE)
    path = tmp_path / "catalogue.toml"
    path.write_text(f"""
        [bundles]
        own = ["own-local", "own-remote"]
        [licences.read-me]
        name = "Read Me Licence"
        url = "https://example.org/read-me"
        commercial = false
        must_accept = true
        text = {{ path = "LICENCE", format = "text", source = {{ kind = "local", folder = "{folder}" }} }}
        [models.own-local]
        title = "Mine"
        version = "1"
        licence = "read-me"
        source = {{ kind = "local", folder = "{folder}" }}
        files = [{{ path = "local.dat", format = "dlib", size = {len(LOCAL)}, sha256 = "{digest(LOCAL)}" }}]
        [models.own-unlocked]
        title = "Unknown"
        version = "1"
        licence = "mit"
        source = {{ kind = "local", folder = "{folder}" }}
        files = [{{ path = "local.dat", format = "dlib" }}]
        [models.own-remote]
        title = "Theirs"
        version = "1"
        licence = "mit"
        source = {{ kind = "url", bases = ["{hub.url}"] }}
        files = [{{ path = "remote.dat", format = "dlib", size = {len(REMOTE)}, sha256 = "{digest(REMOTE)}" }}]
    """)
    monkeypatch.setenv("MIEN_CATALOGUE", str(path))
    return folder


def content(model: dict[str, Any]) -> bytes:
    return Path(model["files"][0]["path"]).read_bytes()


def is_linked(model: dict[str, Any], theirs: Path) -> bool:
    return Path(model["files"][0]["path"]).samefile(theirs)


def flip_a_byte(model: dict[str, Any]) -> None:
    path = Path(model["files"][0]["path"])
    path.chmod(0o644)
    path.write_bytes(REMOTE[:-1] + b"!")


async def transfer(daemon: Any, name: str, state: str, action: str = "download") -> dict[str, Any]:
    """The transfer of this name, once it is in this state."""
    events = daemon.app[keys.EVENTS]
    async with asyncio.timeout(60):
        while True:
            seen = events.last
            answer = await daemon.ask("GET", "/v1/models")
            for found in answer.json["transfers"]:
                if (found["action"], found["name"], found["state"]) == (action, name, state):
                    return dict(found)
            await events.wait_beyond(seen)


async def test_a_model_is_fetched_and_the_list_says_so(daemon: Any) -> None:
    asked = await daemon.ask("POST", "/v1/models/own-remote/download")
    assert asked.status == 202
    assert asked.json["transfers"][0]["state"] == "queued"

    await transfer(daemon, "own-remote", "done")
    model = (await daemon.ask("GET", "/v1/models/own-remote")).json
    assert model["state"] == "ready"
    assert model["files"][0]["sha256"] == digest(REMOTE)
    assert content(model) == REMOTE


@pytest.mark.parametrize(("rate", "status"), [("5000000", 202), ("0", 400), ("fast", 400)])
async def test_a_download_may_be_told_how_fast_it_may_be(daemon: Any, rate: str, status: int) -> None:
    asked = await daemon.ask("POST", f"/v1/models/own-remote/download?bytes_per_s={rate}")
    assert asked.status == status
    if status == 202:
        await transfer(daemon, "own-remote", "done")


async def test_a_second_caller_joins_the_download_that_runs(daemon: Any, hub: Hub) -> None:
    hub.go_on.clear()
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await asyncio.to_thread(hub.half_sent.wait, 60)
    asked = len(hub.asked)
    await daemon.ask("POST", "/v1/models/own-remote/download")
    hub.go_on.set()

    await transfer(daemon, "own-remote", "done")
    assert len(hub.asked) == asked


async def test_a_paused_download_keeps_what_has_come_and_goes_on_when_asked_again(daemon: Any, hub: Hub) -> None:
    hub.go_on.clear()
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await asyncio.to_thread(hub.half_sent.wait, 60)
    await daemon.ask("POST", "/v1/models/own-remote/pause")
    paused = await transfer(daemon, "own-remote", "paused")
    assert paused["problem"] is None
    assert (await daemon.ask("GET", "/v1/models/own-remote")).json["state"] in {"partial", "missing"}

    hub.go_on.set()
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await transfer(daemon, "own-remote", "done")


async def test_a_pull_of_the_command_line_is_paused_through_the_daemon(daemon: Any, hub: Hub) -> None:
    hub.go_on.clear()
    store = daemon.app[keys.DOWNLOADS].store
    elsewhere = asyncio.create_task(asyncio.to_thread(store.pull, ["own-remote"]))
    await asyncio.to_thread(hub.half_sent.wait, 60)

    assert (await daemon.ask("POST", "/v1/models/own-remote/pause")).status == 202
    with pytest.raises(Cancelled):
        await elsewhere


async def test_a_pause_holds_for_whoever_had_joined_too(daemon: Any, hub: Hub) -> None:
    hub.go_on.clear()
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await asyncio.to_thread(hub.half_sent.wait, 60)
    joined, waits = daemon.app[keys.DOWNLOADS].store, threading.Event()

    def look(progress: PullProgress) -> None:
        waits.set()

    elsewhere = asyncio.create_task(asyncio.to_thread(joined.pull, ["own-remote"], look))
    await asyncio.to_thread(waits.wait, 60)

    await daemon.ask("POST", "/v1/models/own-remote/pause")
    await transfer(daemon, "own-remote", "paused")
    with pytest.raises(Cancelled):
        await elsewhere


async def test_a_download_that_another_process_pauses_is_told_as_paused(daemon: Any, hub: Hub) -> None:
    hub.go_on.clear()
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await asyncio.to_thread(hub.half_sent.wait, 60)
    await asyncio.to_thread(daemon.app[keys.DOWNLOADS].store.pause, "own-remote")

    assert (await transfer(daemon, "own-remote", "paused"))["problem"] is None


async def test_removing_a_model_ends_its_download_and_frees_what_had_come(daemon: Any, hub: Hub) -> None:
    hub.go_on.clear()
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await asyncio.to_thread(hub.half_sent.wait, 60)

    assert (await daemon.ask("DELETE", "/v1/models/own-remote")).status == 204
    assert (await daemon.ask("GET", "/v1/models/own-remote")).json["state"] == "missing"
    assert not list((daemon.state / "models" / "partial").glob("*"))


async def test_nothing_is_fetched_before_its_licence_was_read_and_accepted(daemon: Any) -> None:
    refused = await daemon.ask("POST", "/v1/models/own-local/download")
    assert (refused.status, refused.code) == (409, "licence-not-accepted")

    shown = (await daemon.ask("GET", "/v1/models/own-local/licence")).json
    assert shown["text"] == LICENCE.decode()
    other = await daemon.ask("POST", "/v1/models/own-local/licence", {"sha256": digest(b"other words")})
    assert (other.status, other.code) == (409, "licence-not-accepted")
    accepted = await daemon.ask("POST", "/v1/models/own-local/licence", {"sha256": shown["sha256"]})
    assert accepted.status == 200

    await daemon.ask("POST", "/v1/models/own/download")
    await transfer(daemon, "own-local", "done")
    assert (await daemon.ask("GET", "/v1/models/own-local")).json["licence_accepted"] is True


async def test_what_is_in_use_can_be_proved_to_a_third_party(daemon: Any) -> None:
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await transfer(daemon, "own-remote", "done")

    (file,) = (await daemon.ask("GET", "/v1/verify")).json["files"]
    assert (file["model"], file["path"], file["sha256"]) == ("own-remote", "remote.dat", digest(REMOTE))
    sums = await daemon.ask("GET", "/v1/verify?format=sha256sum")
    assert sums.headers["Content-Type"].startswith("text/plain")
    process = await asyncio.create_subprocess_exec(
        "sha256sum", "-c", cwd=daemon.state / "models", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate(sums.body)
    assert process.returncode == 0, said


async def test_a_flipped_byte_is_found_by_verify_and_taken_out_of_use(daemon: Any) -> None:
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await transfer(daemon, "own-remote", "done")
    model = (await daemon.ask("GET", "/v1/models/own-remote")).json
    flip_a_byte(model)

    await daemon.ask("POST", "/v1/model-store/verify", {"names": ["own-remote"]})
    await transfer(daemon, "own-remote", "done", "verify")
    assert (await daemon.ask("GET", "/v1/models/own-remote")).json["state"] == "quarantined"
    with pytest.raises(FileNotFoundError):
        content(model)


async def test_a_folder_is_exported_and_imported_by_its_path(daemon: Any, tmp_path: Path) -> None:
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await transfer(daemon, "own-remote", "done")
    stick = str(tmp_path / "stick")
    await daemon.ask("POST", "/v1/model-store/export", {"names": ["own-remote"], "path": stick})
    await transfer(daemon, stick, "done", "export")
    await daemon.ask("DELETE", "/v1/models/own-remote")

    await daemon.ask("POST", "/v1/model-store/import", {"path": stick})
    await transfer(daemon, stick, "done", "import")
    assert (await daemon.ask("GET", "/v1/models/own-remote")).json["state"] == "ready"


async def test_what_another_program_keeps_is_linked_by_its_path(daemon: Any, tmp_path: Path) -> None:
    theirs = tmp_path / "comfy/any-name.dat"
    theirs.parent.mkdir()
    theirs.write_bytes(REMOTE)
    await daemon.ask("POST", "/v1/model-store/import", {"path": str(theirs.parent), "link": True})
    await transfer(daemon, str(theirs.parent), "done", "import")

    model = (await daemon.ask("GET", "/v1/models/own-remote")).json
    assert is_linked(model, theirs)


async def test_a_failed_download_carries_its_problem(daemon: Any, own_catalogue: Path) -> None:
    shown = (await daemon.ask("GET", "/v1/models/own-local/licence")).json
    await daemon.ask("POST", "/v1/models/own-local/licence", {"sha256": shown["sha256"]})
    (own_catalogue / "local.dat").write_bytes(LOCAL[:-1] + b"!")

    await daemon.ask("POST", "/v1/models/own-local/download")
    failed = await transfer(daemon, "own-local", "failed")
    assert failed["problem"]["code"] == "checksum-mismatch"


async def test_offline_the_daemon_fetches_nothing(open_daemon: Any, hub: Hub) -> None:
    async with open_daemon(settings={"offline": True}) as daemon:
        await daemon.ask("POST", "/v1/models/own-remote/download")
        failed = await transfer(daemon, "own-remote", "failed")
    assert failed["problem"]["code"] == "offline"
    assert hub.asked == []


async def test_a_daemon_switched_offline_fetches_no_licence_either(daemon: Any, own_catalogue: Path) -> None:
    await daemon.ask("PUT", "/v1/settings", {"offline": True})
    refused = await daemon.ask("GET", "/v1/models/own-local/licence")
    assert (refused.status, refused.code) == (409, "offline")


async def test_an_unknown_model_is_404_and_lists_what_there_is(daemon: Any) -> None:
    for method, path in (("GET", "/v1/models/nobody"), ("POST", "/v1/models/nobody/download")):
        answer = await daemon.ask(method, path)
        assert (answer.status, answer.code) == (404, "unknown-model")
        assert "face-detection" in answer.json["known"]


async def test_a_token_for_swaps_sees_no_models(daemon: Any) -> None:
    token = await daemon.token("swap")
    assert (await daemon.ask("GET", "/v1/models", token=token)).code == "wrong-scope"
    models = await daemon.token("models", "another script")
    assert (await daemon.ask("GET", "/v1/models", token=models)).status == 200
    imported = await daemon.ask("POST", "/v1/model-store/import", {"path": "/"}, token=models)
    assert imported.code == "wrong-scope"


async def test_progress_reaches_whoever_listens_to_events(daemon: Any) -> None:
    before = daemon.app[keys.EVENTS].last
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await transfer(daemon, "own-remote", "done")

    told = [event.data for event in daemon.app[keys.EVENTS].since(before) if event.kind == "download"]
    assert told[0]["state"] == "queued"
    assert told[-1]["state"] == "done"
    assert any(one["total_bytes"] == len(REMOTE) for one in told)


async def test_each_connection_is_on_record(daemon: Any, hub: Hub) -> None:
    await daemon.ask("POST", "/v1/models/own-remote/download")
    await transfer(daemon, "own-remote", "done")

    connections = (await daemon.ask("GET", "/v1/model-store/connections")).json["connections"]
    assert {(one["host"], one["model"]) for one in connections} == {
        (hub.url.removeprefix("http://").rstrip("/"), "own-remote")
    }


@pytest.fixture
async def daemon(open_daemon: Any) -> AsyncIterator[Any]:
    async with open_daemon(installed=()) as running:
        yield running


async def test_what_was_imported_and_no_source_has_vouched_for_is_unverified(daemon: Any, tmp_path: Path) -> None:
    """In the list, in the proof and in health, until its source is asked."""
    stick, home_made = tmp_path / "stick", b"home-made"
    (stick / "own-unlocked").mkdir(parents=True)
    (stick / "own-unlocked/local.dat").write_bytes(home_made)
    claim = {"sha256": digest(home_made), "size": len(home_made)}
    manifest = {"models": {"own-unlocked": {"version": "1", "files": {"local.dat": claim}}}}
    (stick / "mien-models.json").write_text(json.dumps(manifest))
    await daemon.ask("POST", "/v1/model-store/import", {"path": str(stick)})
    await transfer(daemon, str(stick), "done", "import")

    assert (await daemon.ask("GET", "/v1/models/own-unlocked")).json["state"] == "unverified"
    (file,) = (await daemon.ask("GET", "/v1/verify")).json["files"]
    assert (file["state"], file["repository"], file["verified_at"]) == ("unverified", "import", None)
    (notice,) = (await daemon.ask("GET", "/v1/health")).json["notices"]
    assert "Unverified models: own-unlocked" in notice

    await daemon.ask("POST", "/v1/models/own-unlocked/download")
    await transfer(daemon, "own-unlocked", "done")
    assert (await daemon.ask("GET", "/v1/models/own-unlocked")).json["state"] == "ready"
    assert (await daemon.ask("GET", "/v1/health")).json["notices"] == []
