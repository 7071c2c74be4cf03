"""What the first answers take longest for is done before anybody asks."""

import gzip
from typing import Any

import pytest

from mien_daemon import warming
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer
from mien_daemon.routes import console
from mien_daemon.routes.health import get_health
from mien_daemon.warming import warm


async def test_the_page_and_its_files_are_made_and_packed_before_a_browser_asks(
    daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for made in (console.make_files, console.pack):
        made.cache_clear()
    await warm(daemon.app)

    def refuse(*_words: object, **_named: object) -> None:
        raise AssertionError("it is made only now")

    monkeypatch.setattr(console, "join_in_two", refuse)
    monkeypatch.setattr(gzip, "compress", refuse)
    for path in ("/", *(f"/console/{name}" for name in console.page_files())):
        answer = await daemon.ask("GET", path, token=None, headers={"Accept-Encoding": "gzip"})
        assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip"), path


async def test_what_an_answer_is_checked_by_is_built_before_the_first_one(
    daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class First(Answer):
        name: str

    class Other(Answer):
        name: str

    route = Route("GET", "/v1/first", "get_first", get_health, "First", None, {200: (First, "image/png"), 304: Other})
    monkeypatch.setattr(warming, "ROUTES", [route])
    assert not First.__pydantic_complete__
    await warm(daemon.app)
    assert First.__pydantic_complete__
    assert Other.__pydantic_complete__
