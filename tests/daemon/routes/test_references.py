"""References over HTTP: added with a statement, listed by scope, exported, and withdrawn with their results."""

import asyncio
import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import PIL.Image
import pytest

from mien_core.errors import ContentBlocked
from mien_daemon import keys as slots
from mien_daemon.references.consent import Consent
from mien_testing.stand_in import returning

pytestmark = pytest.mark.slow

FACE = {"index": 0, "bbox": [20.0, 10.0, 40.0, 30.0]}


def png(shade: int = 200) -> bytes:
    made = io.BytesIO()
    PIL.Image.new("RGB", (64, 48), (shade, 150, 120)).save(made, "png")
    return made.getvalue()


@pytest.fixture
def faces(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the worker finds in any picture; one face unless a test says otherwise, an error is raised."""
    found: list[Any] = [FACE]

    async def find(picture: str) -> Sequence[Mapping[str, object]]:
        assert picture.startswith(str(daemon.state))
        if found and isinstance(found[0], Exception):
            raise found[0]
        return found

    monkeypatch.setattr(daemon.app[slots.WORKERS], "find_faces", find)
    return found


async def added(daemon: Any, **changes: object) -> Any:
    name = await daemon.put(png())
    body = {"picture": name, "name": "Ann", "basis": "self", "adult": True, **changes}
    return await daemon.ask("POST", "/v1/references", body)


async def test_a_face_is_added_listed_shown_changed_and_withdrawn(daemon: Any, faces: list[Any]) -> None:
    answer = await added(daemon)
    assert answer.status == 201, answer.body
    made = answer.json
    assert made["expires_at"] is not None, "a year, when nothing was said"
    listed = (await daemon.ask("GET", "/v1/references")).json["references"]
    assert listed == [made]
    thumbnail = await daemon.ask("GET", f"/v1/references/{made['id']}/thumbnail")
    assert PIL.Image.open(io.BytesIO(thumbnail.body)).size == (36, 36), "the head, not the picture of 64 × 48"
    changed = await daemon.ask("PATCH", f"/v1/references/{made['id']}", {"name": "Ann B.", "expires_at": None})
    assert (changed.json["name"], changed.json["expires_at"]) == ("Ann B.", None)
    export = (await daemon.ask("GET", f"/v1/references/{made['id']}")).json
    assert [base64.b64decode(each["picture"]) for each in export["pictures"]] == [png()]
    assert (await daemon.ask("DELETE", f"/v1/references/{made['id']}")).status == 204
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": []}
    assert (await daemon.ask("GET", f"/v1/references/{made['id']}")).status == 404


async def test_the_picture_that_was_sent_does_not_lie_around_unsealed(daemon: Any, faces: list[Any]) -> None:
    assert (await added(daemon)).status == 201
    kept = [path.read_bytes() for path in daemon.state.rglob("*") if path.is_file()]
    assert not [content for content in kept if png() in content]


@pytest.mark.parametrize(
    ("change", "field"), [({"adult": False}, "adult"), ({"basis": ""}, "basis"), ({"basis": "hearsay"}, "basis")]
)
async def test_without_the_statement_nothing_is_kept(
    daemon: Any, faces: list[Any], change: dict[str, object], field: str
) -> None:
    answer = await added(daemon, **change)
    assert (answer.status, answer.code, answer.json["field"]) == (422, "consent-required", field)
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": []}


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], "no-face-found"),
        ([FACE, FACE], "several-faces"),
        ([ContentBlocked("no", stage="target")], "content-blocked"),
    ],
)
async def test_a_reference_shows_one_person_and_passes_the_content_check(
    daemon: Any, faces: list[Any], found: list[Any], code: str
) -> None:
    faces[:] = found
    answer = await added(daemon)
    assert answer.code == code
    assert answer.json.get("role", answer.json.get("stage")) == "reference"
    assert (await daemon.ask("GET", "/v1/references")).json == {"references": []}


async def test_scope_swap_is_told_names_and_thumbnails_and_may_change_nothing(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    token = await daemon.token("swap")
    listed = (await daemon.ask("GET", "/v1/references", token=token)).json["references"]
    assert {name: value for name, value in listed[0].items() if value is not None} == {
        "id": made["id"],
        "name": "Ann",
        "usable": True,
    }
    assert (await daemon.ask("GET", f"/v1/references/{made['id']}/thumbnail", token=token)).status == 200
    for method, path in (
        ("GET", f"/v1/references/{made['id']}"),
        ("PATCH", f"/v1/references/{made['id']}"),
        ("DELETE", f"/v1/references/{made['id']}"),
        ("DELETE", "/v1/references"),
        ("POST", "/v1/references"),
    ):
        answer = await daemon.ask(method, path, {} if method in {"POST", "PATCH"} else None, token=token)
        assert answer.code == "wrong-scope"


async def swap_with(daemon: Any, reference: str) -> Any:
    target = await daemon.put(png())
    body = {"kind": "swap", "target": target, "reference": reference, "options": {"engine": "mesh"}}
    return await daemon.ask("POST", "/v1/jobs", body)


async def test_a_job_uses_a_reference_and_leaves_no_open_copy(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    job = (await swap_with(daemon, f"ref:{made['id']}")).json
    assert (await daemon.finished(job))["state"] == "done"
    await daemon.eventually(lambda: not list((daemon.state / "spool").iterdir()))
    assert not list(daemon.state.rglob("reference0*"))


async def test_an_expired_reference_is_refused_when_the_job_is_posted(
    daemon: Any, faces: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await added(daemon)).json
    monkeypatch.setattr(Consent, "has_ended_at", returning(True))
    answer = await swap_with(daemon, f"ref:{made['id']}")
    assert (answer.status, answer.code, answer.json["reason"]) == (404, "unknown-reference", "expired")
    listed = (await daemon.ask("GET", "/v1/references")).json["references"]
    assert [each["usable"] for each in listed] == [False]
    token = await daemon.token("swap")
    assert (await daemon.ask("GET", "/v1/references", token=token)).json == {"references": []}


@pytest.mark.parametrize("with_results", [False, True])
async def test_a_withdrawal_reaches_the_results_if_the_person_says_so(
    daemon: Any, faces: list[Any], with_results: bool
) -> None:
    made = (await added(daemon)).json
    job = await daemon.finished((await swap_with(daemon, f"ref:{made['id']}")).json)
    other = await daemon.finished(await daemon.swap())
    query = "?results=true" if with_results else ""
    assert (await daemon.ask("DELETE", f"/v1/references/{made['id']}{query}")).status == 204
    assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")).status == (404 if with_results else 200)
    assert (await daemon.ask("GET", f"/v1/jobs/{other['id']}/result")).status == 200


async def test_a_withdrawal_ends_the_worker_that_may_remember_the_face(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    await daemon.finished((await swap_with(daemon, f"ref:{made['id']}")).json)
    assert daemon.app[slots.WORKERS].status().pid is not None
    await daemon.ask("DELETE", f"/v1/references/{made['id']}")
    await daemon.eventually(lambda: daemon.app[slots.WORKERS].status().pid is None)


async def test_everything_can_be_forgotten_at_once(daemon: Any, faces: list[Any]) -> None:
    made = (await added(daemon)).json
    await daemon.finished((await swap_with(daemon, f"ref:{made['id']}")).json)
    answer = await daemon.ask("DELETE", "/v1/references?results=true")
    assert answer.json == {"references": 1, "results": 1}
    assert (await daemon.ask("GET", "/v1/jobs")).json["jobs"] == []
    assert hashlib.sha256(png()).hexdigest() not in str(sorted(daemon.state.rglob("*.picture")))


async def test_the_face_of_an_ended_consent_is_shown_to_no_client(
    daemon: Any, faces: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert faces
    made = (await added(daemon)).json
    path = f"/v1/references/{made['id']}/thumbnail"
    assert (await daemon.ask("GET", path)).status == 200
    monkeypatch.setattr(Consent, "is_over", property(returning(True)))
    for token in (await daemon.token("swap"), await daemon.token("admin")):
        answer = await daemon.ask("GET", path, token=token)
        assert (answer.status, answer.code, answer.json["reason"]) == (404, "unknown-reference", "expired")
    monkeypatch.undo()
    await daemon.ask("DELETE", f"/v1/references/{made['id']}")
    assert (await daemon.ask("GET", path)).code == "unknown-reference"


async def test_no_preview_of_a_face_that_was_added_or_of_a_deleted_result_stays_in_memory(
    daemon: Any, faces: list[Any]
) -> None:
    assert faces
    recent = daemon.app[slots.PREVIEWS]._recent
    job = await daemon.finished(await daemon.swap())
    await daemon.ask("GET", f"/v1/jobs/{job['id']}/preview")
    assert recent._previews
    await daemon.ask("DELETE", f"/v1/jobs/{job['id']}")
    assert not recent._previews
    assert (await added(daemon)).status == 201
    assert not recent._previews


async def test_of_two_changes_of_a_reference_at_once_both_are_kept(daemon: Any, faces: list[Any]) -> None:
    assert faces
    made = (await added(daemon)).json
    path = f"/v1/references/{made['id']}"
    for number in range(6):
        end = f"2099-01-0{number + 1}T00:00:00+00:00"
        answers = await asyncio.gather(
            daemon.ask("PATCH", path, {"name": f"Ann {number}"}), daemon.ask("PATCH", path, {"expires_at": end})
        )
        assert [answer.status for answer in answers] == [200, 200]
        (listed,) = (await daemon.ask("GET", "/v1/references")).json["references"]
        assert (listed["name"], listed["expires_at"]) == (f"Ann {number}", end)
    await asyncio.gather(
        daemon.ask("PATCH", path, {"name": "late"}),
        daemon.ask("DELETE", path),
        daemon.ask("PATCH", path, {"name": "x"}),
    )
    assert (await daemon.ask("GET", "/v1/references")).json["references"] == []
