"""A script that talks to ReActor swaps with Mien: the same fields, one swap, and no field passed over in silence."""

import asyncio
import base64
import gc
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from mien_core.errors import InvalidOptions, UnknownEngine
from mien_daemon import keys
from mien_daemon.routes.one_request import WantedSwap
from mien_daemon.routes.reactor import MOST_FACES, ReactorSwap, read_options
from mien_testing.daemon import find_one_face, png

# What ReActor External API v1.0.7 declares for POST /reactor/image, name and default, in its order.
PUBLISHED: Mapping[str, object] = {
    "source_image": "",
    "target_image": "",
    "source_faces_index": [0],
    "face_index": [0],
    "upscaler": "None",
    "scale": 1,
    "upscale_visibility": 1,
    "face_restorer": "None",
    "restorer_visibility": 1,
    "codeformer_weight": 0.5,
    "restore_first": 1,
    "model": "inswapper_128.onnx",
    "gender_source": 0,
    "gender_target": 0,
    "save_to_file": 0,
    "result_file_path": "",
    "device": "CPU",
    "mask_face": 0,
    "select_source": 0,
    "face_model": "None",
    "source_folder": "",
    "random_image": 0,
    "upscale_force": 0,
    "det_thresh": 0.5,
    "det_maxnum": 0,
}
OURS = {"basis", "adult"}


@pytest.fixture
async def daemon(open_daemon: Any) -> AsyncIterator[Any]:
    async with open_daemon(settings={"reactor_door": True}) as running:
        yield running


def ask(picture: bytes, **changes: object) -> dict[str, object]:
    """What a script sends that names every field, and states why it may."""
    text = base64.b64encode(picture).decode()
    about = {"source_image": text, "target_image": text, "model": "mesh", "basis": "self", "adult": True}
    return {**PUBLISHED, **about, **changes}


def test_the_fields_and_their_defaults_are_the_published_ones() -> None:
    """But the engine: who leaves it out takes the person's own default."""
    own = {name: field.get_default() for name, field in ReactorSwap.model_fields.items() if name not in OURS}
    assert own == {**PUBLISHED, "model": ""}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source_faces_index", [1]),
        ("upscaler", "ESRGAN_4x"),
        ("scale", 2),
        ("gender_source", 1),
        ("gender_target", 2),
        ("save_to_file", 1),
        ("select_source", 2),
        ("random_image", 1),
        ("det_thresh", 0.7),
        ("det_maxnum", 1),
        ("face_restorer", "GPEN"),
    ],
)
def test_a_field_that_asks_for_something_else_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidOptions) as refused:
        read_options(ReactorSwap.model_validate({field: value}))
    assert refused.value.fields["field"] == field


def test_what_can_be_said_becomes_an_option() -> None:
    asked = ReactorSwap.model_validate(
        {
            "face_index": [0, 2],
            "model": "inswapper_128.onnx",
            "face_restorer": "CodeFormer",
            "restorer_visibility": 0.7,
        }
    )
    assert read_options(asked) == {
        "faces": [0, 2],
        "format": "png",
        "engine": "inswapper",
        "restorer": "codeformer",
        "restore": 0.7,
        "fidelity": 0.5,
    }
    assert read_options(ReactorSwap.model_validate({})) == {"faces": [0], "format": "png"}
    with pytest.raises(UnknownEngine) as refused:
        read_options(ReactorSwap.model_validate({"model": "reswapper_128.onnx"}))
    assert refused.value.fields["field"] == "model"


@pytest.mark.slow
async def test_a_swap_in_one_request_is_a_job_like_any_other(daemon: Any, picture: bytes) -> None:
    token = await daemon.token("swap")
    target = png(shade=7)
    uri = "data:image/png;base64," + base64.b64encode(target).decode()
    made = await daemon.ask("POST", "/reactor/image", ask(picture, target_image=uri), token=token)
    assert (made.status, base64.b64decode(made.json["image"])) == (200, target)
    assert not [name for name in made.headers if name.startswith("Access-Control")]
    path = made.headers["Link"].partition("<")[2].partition(">")[0]
    job = (await daemon.ask("GET", path, token=token)).json
    assert (job["state"], job["options"]) == ("done", {"engine": "mesh", "faces": [0], "format": "png"})


async def test_it_asks_for_a_token_the_statement_and_pictures(daemon: Any, picture: bytes) -> None:
    for changes, status, code, field in (
        ({"basis": ""}, 422, "consent-required", "basis"),
        ({"adult": False}, 422, "consent-required", "adult"),
        ({"source_image": "http://a.example/me.png"}, 400, "bad-request", "source_image"),
        ({"target_image": ""}, 400, "bad-request", "target_image"),
        ({"colour": "red"}, 400, "bad-request", "colour"),
        ({"select_source": 1, "face_model": "elena.safetensors"}, 404, "unknown-reference", "face_model"),
        ({"target_image": base64.b64encode(b"no picture").decode()}, 415, "invalid-image", "target"),
    ):
        answer = await daemon.ask("POST", "/reactor/image", ask(picture, **changes))
        assert (answer.status, answer.code, answer.json["field"]) == (status, code, field)
    assert (await daemon.ask("POST", "/reactor/image", ask(picture), token=None)).code == "unpaired"
    other = await daemon.ask("POST", "/reactor/image", ask(picture), headers={"Origin": "http://a.example"})
    assert other.code == "foreign-origin"
    assert (await daemon.ask("GET", "/v1/jobs")).json["jobs"] == []


async def test_a_body_beyond_its_limit_is_refused_while_it_comes(
    daemon: Any, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien_daemon.routes.reactor.MAX_BYTES", 100_000)
    answer = await daemon.ask("POST", "/reactor/image", ask(picture, target_image="A" * 1_000_000))
    assert (answer.status, answer.code) == (413, "request-too-large")


@pytest.mark.slow
async def test_a_face_of_the_library_is_named_and_needs_no_statement(
    daemon: Any, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon.app[keys.WORKERS], "find_faces", find_one_face)
    body = {"picture": await daemon.put(png(shade=9)), "name": "elena", "basis": "self", "adult": True}
    kept = (await daemon.ask("POST", "/v1/references", body)).json["id"]
    for name in ("elena.safetensors", "elena", kept):
        named = ask(picture, select_source=1, face_model=name, source_image="", basis="", adult=False)
        assert (await daemon.ask("POST", "/reactor/image", named)).status == 200
    jobs = (await daemon.ask("GET", "/v1/jobs")).json["jobs"]
    assert {job["reference"] for job in jobs} == {f"ref:{kept}"}


async def test_a_full_queue_is_said_as_for_any_job(daemon: Any, picture: bytes) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    await daemon.ask("PUT", "/v1/settings", {"max_queued": 1})
    await daemon.swap()
    answer = await daemon.ask("POST", "/reactor/image", ask(picture))
    assert (answer.status, answer.code) == (429, "queue-full")
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize("field", ["face_index", "source_faces_index"])
def test_a_list_of_faces_has_an_end(field: str) -> None:
    """Its items are not even looked at: every wrong one would be an error of its own."""
    with pytest.raises(ValidationError) as wrong:
        ReactorSwap.model_validate({field: list(range(MOST_FACES + 1))})
    assert [each["type"] for each in wrong.value.errors()] == ["too_long"]
    ReactorSwap.model_validate({field: list(range(MOST_FACES))})


async def test_pictures_are_not_held_in_memory_while_their_job_waits(daemon: Any, picture: bytes) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    asking = asyncio.create_task(daemon.ask("POST", "/reactor/image", ask(picture)))
    await daemon.eventually(lambda: len(daemon.app[keys.UNFINISHED].waiting) == 1)
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) in {ReactorSwap, WantedSwap}] == []
    asking.cancel()
    await daemon.eventually(lambda: daemon.app[keys.UNFINISHED].finished["cancelled"] == 1)


@pytest.mark.slow
async def test_a_client_that_leaves_cancels_its_swap(daemon: Any, picture: bytes) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    leaving = asyncio.create_task(daemon.ask("POST", "/reactor/image", ask(picture)))
    await daemon.eventually(lambda: len(daemon.app[keys.UNFINISHED].waiting) == 1)
    leaving.cancel()
    await daemon.eventually(lambda: daemon.app[keys.UNFINISHED].finished["cancelled"] == 1)


async def test_nothing_is_there_until_a_person_opens_it(open_daemon: Any, picture: bytes) -> None:
    async with open_daemon() as daemon:
        assert (await daemon.ask("POST", "/reactor/image", ask(picture), token=None)).code == "unpaired"
        assert (await daemon.ask("POST", "/reactor/image", ask(picture))).code == "unknown-route"
        await daemon.ask("PUT", "/v1/settings", {"reactor_door": True})
        assert (await daemon.ask("POST", "/reactor/image", {})).code == "bad-request"
