"""A disk that refuses the daemon once costs nothing: the answer names it, rows and files agree, a repetition works."""

import errno
import itertools
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from mien_models.store import ModelStore
from mien_testing.daemon import png
from mien_testing.faults import Action, Faults, is_every_fault_wanted, spread
from mien_testing.served import Answer, Served, list_faults, name_of, serving

pytestmark = pytest.mark.slow

FAKE = "mien_testing.runtime:fake_runtime"
SWAP: dict[str, object] = {"engine": "flux", "prompt": ""}
shades = itertools.count(1)


@pytest.fixture
def served(faults: Faults, state: Path, tmp_path: Path) -> Generator[Served]:
    faults.rest()
    with serving(faults, state, tmp_path / "models", FAKE) as running:
        yield running
        faults.rest()
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mien_cli",
            "doctor",
            "--check",
            "--json",
            "--state-dir",
            state,
            "--models-dir",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def fresh_picture() -> bytes:
    """A picture that was not sent before."""
    number = next(shades)
    return png(8 + number // 250, 1 + number % 250)


Prepare = Callable[[Served], Any]
Act = Callable[[Served, Any], Answer]


def send_two(served: Served) -> tuple[bytes, bytes]:
    pictures = fresh_picture(), fresh_picture()
    assert [served.put(picture).status for picture in pictures] == [201, 201]
    return pictures


def post_job(served: Served, pictures: tuple[bytes, bytes]) -> Answer:
    target, reference = map(name_of, pictures)
    ask = {"kind": "swap", "target": target, "reference": reference, "options": SWAP}
    return served.ask("POST", "/v1/jobs", ask)


def finish_job(served: Served) -> str:
    job = str(post_job(served, send_two(served)).json["id"])
    assert served.finished(job)["state"] == "done"
    return job


def make_token(served: Served) -> str:
    return str(served.ask("POST", "/v1/tokens", {"name": "a script", "scope": "swap"}).json["id"])


def survive(served: Served, faults: Faults, prepare: Prepare, act: Act, number: int, **how: Any) -> None:
    """Fail one call of a request: a named answer, no fault in the folder, and the same request works."""
    prepared = prepare(served)
    faults.fail(number, **how)
    answer = act(served, prepared)
    blamed = faults.blamed
    faults.rest()
    assert served.process.poll() is None, blamed
    assert answer.is_named, f"{blamed}: {answer}"
    # A deletion takes the picture first, so that no crash leaves one that no row speaks of.
    found = [fault for fault in list_faults(served.state) if not fault.startswith("a row without its result")]
    assert found == [] or "unlink" in blamed or "rmdir" in blamed, f"{blamed}: {answer}: {found}"
    if answer.status >= 400:
        again = act(served, prepared)
        assert again.status < 300 or again.status == 404, f"{blamed}: {answer}, again: {again}"
        assert list_faults(served.state) == [] or "unlink" in blamed, f"{blamed}: {answer}"


def count(served: Served, faults: Faults, prepare: Prepare, act: Act) -> int:
    prepared = prepare(served)
    faults.count()
    assert act(served, prepared).status < 300
    faults.rest()
    return faults.calls


REQUESTS: dict[str, tuple[Prepare, Act, int]] = {
    "an upload": (lambda _: fresh_picture(), lambda served, picture: served.put(picture), 12),
    "a token": (
        lambda _: None,
        lambda served, _: served.ask("POST", "/v1/tokens", {"name": "a script", "scope": "swap"}),
        2,
    ),
    "a revocation": (make_token, lambda served, client: served.ask("DELETE", f"/v1/clients/{client}"), 2),
    "a deletion": (finish_job, lambda served, job: served.ask("DELETE", f"/v1/jobs/{job}"), 2),
}


@pytest.mark.parametrize("request_name", REQUESTS)
def test_one_refused_call_costs_a_request_nothing(served: Served, faults: Faults, request_name: str) -> None:
    prepare, act, most = REQUESTS[request_name]
    for number in spread(count(served, faults, prepare, act), most):
        survive(served, faults, prepare, act, number)


def test_a_job_that_the_disk_refuses_to_write_down_is_done_all_the_same_or_says_why(
    served: Served, faults: Faults
) -> None:
    def act(served: Served, pictures: tuple[bytes, bytes]) -> Answer:
        posted = post_job(served, pictures)
        if posted.status >= 400:
            return posted
        job = served.finished(posted.json["id"])
        if job["state"] == "failed":
            assert job["problem"]["code"] in {"disk-full", "disk-failed"}, job
            return Answer(job["problem"]["status"], b'{"code": "disk-full"}')
        return served.ask("GET", f"/v1/jobs/{job['id']}/result")

    for number in spread(count(served, faults, send_two, act), 3):
        survive(served, faults, send_two, act, number)


def test_a_write_that_ends_halfway_is_gone_on_with(served: Served, faults: Faults) -> None:
    prepare, act, most = REQUESTS["an upload"]
    for number in spread(count(served, faults, prepare, act), most):
        survive(served, faults, prepare, act, number, action=Action.SHORT)


if is_every_fault_wanted():

    @pytest.fixture
    def real(faults: Faults, state: Path, models: ModelStore) -> Generator[Served]:
        """With the worker's own networks."""
        faults.rest()
        with serving(faults, state, models.root) as running:
            yield running
            faults.rest()

    @pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EMFILE], ids=["full", "broken", "no-more-files"])
    def test_every_refused_call_costs_a_face_of_the_library_nothing(
        real: Served, faults: Faults, models: ModelStore, error: int
    ) -> None:
        portrait = models.path("demo-portraits", "astronaut.png").read_bytes()
        statement = {"name": "Eileen", "basis": "self", "adult": True}

        def prepare(served: Served) -> bytes:
            faces = served.ask("GET", "/v1/references").json["references"]
            assert all(served.ask("GET", f"/v1/references/{face['id']}").status == 200 for face in faces)
            return portrait

        def act(served: Served, picture: bytes) -> Answer:
            sent = served.put(picture)
            return (
                sent
                if sent.status >= 400
                else served.ask("POST", "/v1/references", {"picture": name_of(picture), **statement})
            )

        for number in range(1, count(real, faults, prepare, act) + 1):
            survive(real, faults, prepare, act, number, error=error)
