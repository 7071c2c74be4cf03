"""Pictures of one person over HTTP: added with the statement of the first, looked at, used together and removed."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import PIL.Image
import pytest

from mien_core.errors import NoFaceFound
from mien_daemon import keys as slots

pytestmark = pytest.mark.slow
STATEMENT = {"basis": "self", "adult": True}

FACE = {"index": 0, "bbox": [20.0, 10.0, 40.0, 30.0]}


def png(shade: int) -> bytes:
    made = io.BytesIO()
    PIL.Image.new("RGB", (64, 48), (shade, 150, 120)).save(made, "png")
    return made.getvalue()


@pytest.fixture(autouse=True)
def found(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the worker finds in each picture that it is shown, from the first on; one face in all others."""
    answers: list[Any] = []

    async def find(_: str) -> Sequence[Mapping[str, object]]:
        answer = answers.pop(0) if answers else [FACE]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(daemon.app[slots.WORKERS], "find_faces", find)
    return answers


async def put(daemon: Any, *shades: int) -> list[str]:
    return [await daemon.put(png(shade)) for shade in shades]


async def add(daemon: Any, *shades: int) -> Any:
    body = {"picture": await put(daemon, *shades), "name": "Ann", **STATEMENT}
    answer = await daemon.ask("POST", "/v1/references", body)
    assert answer.status == 201, answer.body
    return answer.json


async def test_a_person_gets_loses_and_shows_pictures(daemon: Any) -> None:
    made = await add(daemon, 10, 20)
    assert len(made["pictures"]) == 2
    path = f"/v1/references/{made['id']}/pictures"
    more = await daemon.ask("POST", path, {"picture": (await put(daemon, 30))[0], **STATEMENT})
    assert (more.status, more.json["pictures"][:2], len(more.json["pictures"])) == (201, made["pictures"], 3)
    thumbnails = [await daemon.ask("GET", f"{path}/{each}") for each in more.json["pictures"]]
    assert {answer.headers["Content-Type"] for answer in thumbnails} == {"image/jpeg"}
    assert len({answer.body for answer in thumbnails}) == 3
    left = await daemon.ask("DELETE", f"{path}/{made['pictures'][0]}")
    assert left.json["pictures"] == more.json["pictures"][1:]
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": [left.json]}
    assert (await daemon.ask("GET", f"{path}/{made['pictures'][0]}")).code == "unknown-reference"
    first = await daemon.ask("GET", f"/v1/references/{made['id']}/thumbnail")
    assert first.body == thumbnails[1].body, "the first that is left stands for the person"


async def test_the_pictures_that_were_sent_do_not_lie_around_unsealed(daemon: Any) -> None:
    made = await add(daemon, 10, 20)
    body = {"picture": await put(daemon, 30), **STATEMENT}
    await daemon.ask("POST", f"/v1/references/{made['id']}/pictures", body)
    kept = [path.read_bytes() for path in daemon.state.rglob("*") if path.is_file()]
    assert not [content for content in kept for shade in (10, 20, 30) if png(shade) in content]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"adult": False}, "adult"), ({"basis": ""}, "basis"), ({"basis": "written-permission"}, "basis")],
)
async def test_without_the_statement_of_the_first_nothing_is_kept(
    daemon: Any, change: dict[str, object], field: str
) -> None:
    made = await add(daemon, 10)
    body = {"picture": await put(daemon, 20), **STATEMENT, **change}
    answer = await daemon.ask("POST", f"/v1/references/{made['id']}/pictures", body)
    assert (answer.status, answer.code, answer.json["field"]) == (422, "consent-required", field)
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": [made]}


async def test_one_bad_picture_is_named_and_none_is_kept(daemon: Any, found: list[Any]) -> None:
    names = await put(daemon, 10, 20)
    found[:] = [[FACE], []]
    answer = await daemon.ask("POST", "/v1/references", {"picture": names, "name": "Ann", **STATEMENT})
    assert (answer.code, answer.json["blob"]) == (NoFaceFound.code, names[1])
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": []}


async def test_a_person_has_at_most_twenty_pictures_and_at_least_one(daemon: Any) -> None:
    made = await add(daemon, *range(19))
    path = f"/v1/references/{made['id']}/pictures"
    answer = await daemon.ask("POST", path, {"picture": await put(daemon, 100, 101), **STATEMENT})
    assert (answer.status, answer.code, answer.json["limit"]) == (422, "too-many-pictures", 20)
    one = await add(daemon, 50)
    answer = await daemon.ask("DELETE", f"/v1/references/{one['id']}/pictures/{one['pictures'][0]}")
    assert (answer.status, answer.code) == (409, "last-picture")


async def test_a_swap_with_a_person_of_the_library_is_made_from_all_pictures(daemon: Any) -> None:
    """The fake worker leaves out every picture but the first, and so says which it got."""
    made = await add(daemon, 10, 20, 30)
    target, other = await put(daemon, 40, 50)
    body = {"kind": "swap", "target": target, "reference": [f"ref:{made['id']}", other]}
    job = await daemon.finished((await daemon.ask("POST", "/v1/jobs", body)).json)
    names = [f"ref:{made['id']}/{picture}" for picture in made["pictures"][1:]]
    assert [each["name"] for each in job["result"]["left_out"]] == [*names, other]


async def test_scope_swap_neither_sees_nor_changes_single_pictures(daemon: Any) -> None:
    made = await add(daemon, 10, 20)
    token = await daemon.token("swap")
    path = f"/v1/references/{made['id']}/pictures"
    for method, where, body in (
        ("GET", f"{path}/{made['pictures'][0]}", None),
        ("DELETE", f"{path}/{made['pictures'][0]}", None),
        ("POST", path, {"picture": await put(daemon, 30), **STATEMENT}),
    ):
        assert (await daemon.ask(method, where, body, token=token)).code == "wrong-scope"
