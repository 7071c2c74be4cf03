"""What is written of the daemon is what it does: the contract it hands out, and the README's examples."""

import asyncio
import os
import re
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mien_api.runtime_file import RuntimeFile, held, write
from mien_daemon import keys
from mien_daemon.config import Settings
from mien_daemon.http.openapi import describe
from mien_daemon.routes import ROUTES

Daemon = Any
README = (Path(__file__).parents[2] / "daemon/README.md").read_text(encoding="utf-8")


async def test_the_daemon_hands_out_its_contract(daemon: Daemon) -> None:
    answer = await daemon.ask("GET", "/v1/openapi.json")
    assert answer.json == describe(ROUTES, daemon.port)


async def test_every_example_of_the_contract_can_be_sent_as_it_is(open_daemon: Any) -> None:
    """It may be refused for what is not there, never for its shape."""
    async with open_daemon(settings={"offline": True}) as daemon:
        document = (await daemon.ask("GET", "/v1/openapi.json")).json
        for path, method, body in bodies(document):
            answer = await daemon.ask(method, path, body)
            assert answer.status not in {400, 405, 415, 500}, (method, path, body, answer.body)


def test_every_setting_is_in_the_readme() -> None:
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` | {field.default} | {field.description} |" in README


@pytest.fixture
async def ready(daemon: Daemon, tmp_path: Path, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two pictures, and a daemon that the README's commands find."""
    monkeypatch.setenv("MIEN_STATE_DIR", str(daemon.state))
    monkeypatch.setenv("MIEN_PORT", str(daemon.port))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    for name in ("target.jpg", "reference.jpg"):
        (tmp_path / name).write_bytes(picture)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("language", "command"), [("sh", ["bash", "-eu", "-c"]), ("python", [sys.executable, "-c"])])
async def test_the_examples_of_the_readme_swap(
    ready: Path, daemon: Daemon, picture: bytes, language: str, command: list[str]
) -> None:
    code = next(re.finditer(rf"```{language}\n(.*?)```", README, re.DOTALL)).group(1)
    with held_by_the_test(daemon):
        process = await asyncio.create_subprocess_exec(*command, code, stderr=asyncio.subprocess.PIPE)
        async with asyncio.timeout(180):
            _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    assert (ready / "swapped.jpg").read_bytes() == picture
    assert daemon.app[keys.QUEUE].counts()["running"] == 0


@contextmanager
def held_by_the_test(daemon: Daemon) -> Generator[None]:
    """What a daemon's own process does so that it is found."""
    with held(daemon.state):
        write(daemon.state, RuntimeFile(daemon.port, os.getpid(), "test", "mien_token-of-the-test"))
        yield


def bodies(document: Any) -> Iterator[tuple[str, str, Any]]:
    """(path, method, body) of every JSON example, path parameters filled with their own examples."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None or path.startswith("/v1/pair"):
                continue  # a pairing's steps follow one another; tests/daemon/routes/test_pairing.py sends them
            filled = path
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    filled = filled.replace("{" + parameter["name"] + "}", parameter["example"])
            for body in examples_of(document, content["schema"]):
                yield filled, method.upper(), body


def examples_of(document: Any, schema: Any) -> Iterator[Any]:
    if "$ref" in schema:
        yield from examples_of(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        return
    yield from schema.get("examples", ())
    for alternative in schema.get("oneOf", schema.get("anyOf", ())):
        yield from examples_of(document, alternative)
