"""A language model's program gets tools: faces of the library only, nothing overwritten, and it can stop what it began.

The requests are those that the client of the `mcp` package 2.3.0 was seen to send, in both of its ways to begin.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from mien_api.client import DaemonClient
from mien_cli.mcp.messages import Message
from mien_cli.mcp.server import Server, reply_to
from mien_cli.mcp.tools import TOOLS
from mien_core.errors import DaemonUnreachable
from mien_daemon import keys
from mien_testing.daemon import find_one_face, png

INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    b'"clientInfo":{"name":"mcp","version":"0.1.0"}}}\n'
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
    b'{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n'
)
ENVELOPE: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "mcp", "version": "0.1.0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HANGING = {"engine": "flux", "options": {"prompt": "gate=never"}}


def converse(requests: bytes) -> list[Any]:
    """Every answer to these lines, by a server that finds no daemon."""

    def connect() -> DaemonClient:
        raise DaemonUnreachable("no daemon is running", command="mien serve")

    output = BytesIO()
    Server(connect, output).serve(BytesIO(requests))
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_client_that_shakes_hands_gets_the_tools() -> None:
    begun, listed = converse(INITIALIZE)
    assert begun["result"]["protocolVersion"] == "2025-11-25"
    assert begun["result"]["capabilities"] == {"tools": {}}
    assert begun["result"]["serverInfo"]["name"] == "mien"
    names = [tool["name"] for tool in listed["result"]["tools"]]
    assert names == ["list_references", "swap_face", "job_status", "list_models"]
    assert "resultType" not in listed["result"]


def test_a_client_that_names_its_version_in_every_request_gets_them_too() -> None:
    found = reply_to(Message(1, "server/discover", {"_meta": ENVELOPE}))
    assert "2026-07-28" in found["supportedVersions"]
    for method in ("server/discover", "tools/list", "ping"):
        assert reply_to(Message(1, method, {"_meta": ENVELOPE}))["resultType"] == "complete"
    listed = reply_to(Message(1, "tools/list", {"_meta": ENVELOPE}))
    assert {"ttlMs", "cacheScope", "tools"} <= listed.keys()


def test_what_is_not_there_is_refused_by_number_and_ends_nothing() -> None:
    lines = (
        b"no JSON\n\n"
        b'{"jsonrpc":"2.0","id":1,"method":"resources/list"}\n'
        b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"rm"}}\n'
        b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"job_status","arguments":[1]}}\n'
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}\n'
        b'{"jsonrpc":"2.0","id":4,"method":"ping"}\n'
    )
    told = [(each["id"], each.get("error", {}).get("code")) for each in converse(lines)]
    assert told == [(None, -32700), (1, -32601), (2, -32602), (3, -32602), (4, None)]


def test_every_tool_says_what_it_takes_and_no_tool_destroys() -> None:
    for tool in TOOLS:
        shown = tool.describe()
        assert shown["inputSchema"]["type"] == "object"
        assert set(shown["inputSchema"]["required"]) <= shown["inputSchema"]["properties"].keys()
        assert shown["annotations"]["destructiveHint"] is False
        assert shown["description"]
    assert [tool.name for tool in TOOLS if tool.writes] == ["swap_face"]


def test_without_a_daemon_a_tool_says_how_to_start_one(tmp_path: Path) -> None:
    """The whole command, as a client starts it."""
    asked = b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"list_references"}}\n'
    done = subprocess.run(
        [sys.executable, "-m", "mien_cli", "mcp", "--state-dir", str(tmp_path)],
        input=INITIALIZE + asked,
        capture_output=True,
        check=True,
        env=os.environ | {"MIEN_STATE_DIR": str(tmp_path)},
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["id"] for each in answers] == [1, 2, 3]
    assert answers[2]["result"]["isError"] is True
    told = json.loads(answers[2]["result"]["content"][0]["text"])
    assert (told["code"], told["command"]) == ("daemon-unreachable", "mien serve")


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.*"))


def open_pipe() -> tuple[BinaryIO, BinaryIO]:
    """The end to read from, and the end to write to."""
    read, write = os.pipe()
    return cast("BinaryIO", os.fdopen(read, "rb")), cast("BinaryIO", os.fdopen(write, "wb"))


class Conversation:
    """A server in a thread, and a client's two ends of its pipes."""

    def __init__(self, client: DaemonClient) -> None:
        (theirs, self._requests), (self._answers, ours) = open_pipe(), open_pipe()
        self._ends = (theirs, ours)
        self._thread = threading.Thread(target=Server(lambda: client, ours).serve, args=(theirs,))
        self._thread.start()

    def send(self, method: str, message_id: int | None = None, **params: Any) -> None:
        known = {} if message_id is None else {"id": message_id}
        self._requests.write(
            json.dumps({"jsonrpc": "2.0", **known, "method": method, "params": params}).encode() + b"\n"
        )
        self._requests.flush()

    async def read(self) -> Any:
        return json.loads(await asyncio.to_thread(self._answers.readline))

    async def call(self, name: str, **arguments: Any) -> Any:
        """The result of one call, whose progress is not asked for."""
        self.send("tools/call", 7, name=name, arguments=arguments)
        return (await self.read())["result"]

    def hang_up(self) -> None:
        self._requests.close()
        self._thread.join()
        for end in (*self._ends, self._answers):
            end.close()


@pytest.fixture
async def library(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of Ann, whose face the library has."""

    monkeypatch.setattr(daemon.app[keys.WORKERS], "find_faces", find_one_face)
    body = {"picture": await daemon.put(png(shade=9)), "name": "Ann", "basis": "self", "adult": True}
    return str((await daemon.ask("POST", "/v1/references", body)).json["id"])


@pytest.fixture
async def talk(daemon: Any, library: str, tmp_path: Path) -> AsyncIterator[Conversation]:
    (tmp_path / "holiday.png").write_bytes(png())
    conversation = Conversation(DaemonClient(daemon.port, "mien_token-of-the-test"))
    yield conversation
    await asyncio.to_thread(conversation.hang_up)


@pytest.mark.slow
async def test_a_swap_writes_a_new_file_and_tells_how_far_it_is(
    talk: Conversation, library: str, tmp_path: Path
) -> None:
    assert (await talk.call("list_references"))["structuredContent"] == {"references": [{"id": library, "name": "Ann"}]}
    target = str(tmp_path / "holiday.png")
    for number, person in enumerate(("Ann", library, f"ref:{library}")):
        arguments = {"target": target, "reference": person, "output": target.replace("day.", "day-ann.")}
        talk.send("tools/call", number, name="swap_face", arguments=arguments, _meta={"progressToken": "p"})
        told = [await talk.read()]
        while "id" not in told[-1]:
            told.append(await talk.read())
        result = told.pop()["result"]["structuredContent"]
        numbered = "holiday-ann.png" if number == 0 else f"holiday-ann-{number + 1}.png"
        assert result["output"] == str(tmp_path / numbered)
        assert (tmp_path / numbered).read_bytes() == png()
        assert result["engine"] == "mesh"
        assert {(each["method"], each["params"]["progressToken"]) for each in told} == {("notifications/progress", "p")}
        steps = [each["params"]["progress"] for each in told]
        assert steps == sorted(set(steps))
    jobs = (await talk.call("job_status"))["structuredContent"]["jobs"]
    assert [job["reference"] for job in jobs] == [f"ref:{library}"] * 3
    assert {job["label"]["target"] for job in jobs} == {"holiday.png"}
    assert (await talk.call("job_status", id=jobs[0]["id"]))["structuredContent"]["state"] == "done"
    installed = (await talk.call("list_models"))["structuredContent"]
    assert "mesh" in {each["name"] for each in installed["engines"]}
    assert installed["models"]


async def test_what_a_tool_refuses_is_a_result_with_its_code(talk: Conversation, tmp_path: Path) -> None:
    target = str(tmp_path / "holiday.png")
    (tmp_path / "clip.gif").write_bytes(b"GIF89a" + bytes(20))
    plain = {"target": target, "reference": "Ann"}
    for arguments, code, field in (
        ({"target": target}, "bad-request", "reference"),
        ({**plain, "colour": "red"}, "bad-request", "colour"),
        ({**plain, "options": "none"}, "bad-request", "options"),
        ({**plain, "faces": "left"}, "bad-request", "faces"),
        ({**plain, "faces": "1" * 5000}, "bad-request", "faces"),
        ({**plain, "output": "-"}, "bad-request", "output"),
        ({**plain, "reference": "Bob"}, "unknown-reference", "reference"),
        ({**plain, "target": str(tmp_path / "none.png")}, "invalid-image", None),
        ({**plain, "target": str(tmp_path / "clip.gif")}, "invalid-image", None),
        ({**plain, "engine": "nothing"}, "unknown-engine", "engine"),
        ({**plain, "options": {"colour": "red"}}, "invalid-options", "colour"),
    ):
        result = await talk.call("swap_face", **arguments)
        assert result["isError"] is True
        told = result["structuredContent"]
        assert (told["code"], told.get("field")) == (code, field), told
    assert list_files(tmp_path) == ["clip.gif", "holiday.png"]


@pytest.mark.slow
async def test_a_call_that_is_cancelled_stops_its_job_and_others_go_on(
    talk: Conversation, daemon: Any, tmp_path: Path
) -> None:
    arguments = {"target": str(tmp_path / "holiday.png"), "reference": "Ann", **HANGING}
    talk.send("tools/call", 1, name="swap_face", arguments=arguments)
    await daemon.eventually(lambda: daemon.app[keys.UNFINISHED].counts()["running"] == 1)
    talk.send("ping", 2)
    assert (await talk.read())["id"] == 2
    talk.send("notifications/cancelled", requestId=1, reason="caller cancelled")
    await daemon.eventually(lambda: daemon.app[keys.UNFINISHED].finished["cancelled"] == 1)
    talk.send("ping", 3)
    assert (await talk.read())["id"] == 3, "a cancelled call gets no answer"


@pytest.mark.slow
async def test_a_client_that_ends_leaves_no_job_behind(daemon: Any, library: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.png").write_bytes(png())
    conversation = Conversation(DaemonClient(daemon.port, "mien_token-of-the-test"))
    arguments = {"target": str(tmp_path / "holiday.png"), "reference": "Ann", **HANGING}
    conversation.send("tools/call", 1, name="swap_face", arguments=arguments)
    await daemon.eventually(lambda: daemon.app[keys.UNFINISHED].counts()["running"] == 1)
    await asyncio.to_thread(conversation.hang_up)
    assert daemon.app[keys.UNFINISHED].finished["cancelled"] == 1
