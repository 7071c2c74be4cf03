"""Several clients at once: no job is lost, a revoked client gets nothing more, and the daemon stays as it was.

One real job a client here; `nox -s soak` does a thousand and compares the end with the beginning.
"""

import hashlib
import io
import os
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import PIL.Image
import PIL.PngImagePlugin
import psutil
import pytest

from mien_models.store import ModelStore
from mien_testing.daemon import png
from mien_testing.faults import Faults
from mien_testing.served import Served, list_faults, name_of, serving

pytestmark = pytest.mark.slow

CLIENTS = 4
JOBS = int(os.environ.get("MIEN_SOAK_JOBS", "4"))
POSTED = 12  # requests of each client while one of them is revoked
COMPARED_FROM = 200  # fewer jobs than that say nothing of a drift
DRIFT = 0.05
WARM = 0.2  # of the jobs: caches fill, the allocator grows to what the largest step needs
FAKE = "mien_testing.runtime:fake_runtime"


@dataclass(frozen=True)
class Measured:
    """What one job cost: its own seconds, the worker's processor time so far, and both processes' memory after it."""

    seconds: float
    cpu_s: float
    worker_bytes: int
    front_bytes: int


@pytest.fixture
def served(faults: Faults, state: Path, models: ModelStore) -> Generator[Served]:
    faults.rest()
    with serving(faults, state, models.root) as running:
        yield running


def draw(models: ModelStore, file: str, number: int) -> bytes:
    """A portrait of 256 pixels; another number is another file."""
    with PIL.Image.open(models.path("demo-portraits", file)) as whole:
        picture = whole.convert("RGB")
    picture.thumbnail((256, 256))
    text = PIL.PngImagePlugin.PngInfo()
    text.add_text("number", str(number))
    made = io.BytesIO()
    picture.save(made, "png", pnginfo=text)
    return made.getvalue()


def do_job(client: Served, models: ModelStore, number: int) -> tuple[str, bytes]:
    """One swap from its pictures to its result: (the target that the job names, the result)."""
    target, reference = draw(models, "astronaut.png", number), draw(models, "grace_hopper.jpg", number)
    assert {client.put(target).status, client.put(reference).status} == {201}
    ask = {"kind": "swap", "target": name_of(target), "reference": name_of(reference), "options": {"engine": "mesh"}}
    posted = client.ask("POST", "/v1/jobs", ask)
    assert posted.status == 202, posted
    job = client.finished(posted.json["id"])
    assert job["state"] == "done", job
    assert job["target"] == name_of(target)
    result = client.ask("GET", f"/v1/jobs/{job['id']}/result")
    assert result.status == 200, result
    return str(job["id"]), result.body


def test_no_job_of_four_clients_is_lost_and_the_last_costs_what_the_first_did(
    served: Served, models: ModelStore
) -> None:
    front = psutil.Process(served.process.pid)
    costs: list[Measured] = []
    taken = threading.Lock()

    def work(client: Served, numbers: range) -> dict[str, str]:
        done = {}
        for number in numbers:
            job, result = do_job(client, models, number)
            done[job] = hashlib.sha256(result).hexdigest()
            with taken:
                costs.append(measure(served, front, job))
        return done

    clients = [served.with_token(name) for name in ("one", "two", "three", "four")]
    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = [range(start, JOBS, CLIENTS) for start in range(CLIENTS)]
        done = list(pool.map(work, clients, shares))
    for client, own in zip(clients, done, strict=True):
        listed = client.list_jobs()
        assert {job["id"] for job in listed} == set(own), "a client sees its jobs, all of them and no others"
        assert {job["state"] for job in listed} == {"done"}
    assert sum(map(len, done)) == JOBS
    assert list_faults(served.state) == []
    if JOBS >= COMPARED_FROM:
        compare(costs)


def measure(served: Served, front: psutil.Process, job: str) -> Measured:
    report = served.ask("GET", f"/v1/jobs/{job}").json["result"]
    worker = psutil.Process(served.ask("GET", "/v1/health").json["worker"]["pid"])
    with worker.oneshot():
        times = worker.cpu_times()
        return Measured(report["seconds"], times.user + times.system, worker.memory_info().rss, front.memory_info().rss)


def compare(costs: list[Measured]) -> None:
    """The last fifth of the jobs against the fifth after the warm one; the machine's own load moves `seconds` most."""
    size = int(len(costs) * WARM)
    first, last = costs[size : 2 * size], costs[-size:]

    def drift(before: float, after: float) -> float:
        return after / before - 1

    found = {
        "cpu_s": drift(first[-1].cpu_s - first[0].cpu_s, last[-1].cpu_s - last[0].cpu_s),
        "worker_bytes": drift(median(c.worker_bytes for c in first), median(c.worker_bytes for c in last)),
        "front_bytes": drift(median(c.front_bytes for c in first), median(c.front_bytes for c in last)),
    }
    wall = drift(median(c.seconds for c in first), median(c.seconds for c in last))
    sys.stdout.write(
        f"\n{len(costs)} jobs, {last[-1].cpu_s / len(costs):.2f} s of the worker each, worker "
        f"{last[-1].worker_bytes >> 20} MiB, front {last[-1].front_bytes >> 20} MiB; drift {found}, wall {wall:+.3f}\n"
    )
    assert max(found.values()) < DRIFT, found


def test_a_client_that_is_revoked_among_others_gets_nothing_more_and_costs_them_nothing(
    faults: Faults, state: Path, tmp_path: Path
) -> None:
    faults.rest()
    with serving(faults, state, tmp_path / "models", FAKE) as served:
        clients = [served.with_token(name) for name in ("one", "two", "three", "four")]
        gone = clients[0]
        revoked = threading.Event()

        def post(client: Served) -> list[tuple[bool, int]]:
            """Statuses, each with whether the revocation had been answered before the request was sent."""
            seen = []
            for number in range(POSTED):
                picture = png(8 + number)
                before = revoked.is_set()
                client.put(picture)
                swap = {"engine": "flux", "prompt": ""}
                ask = {"kind": "swap", "target": name_of(picture), "reference": name_of(picture), "options": swap}
                seen.append((before, client.ask("POST", "/v1/jobs", ask).status))
                if client is gone and number == POSTED // 2:
                    assert served.ask("DELETE", f"/v1/clients/{gone.client_id}").status == 204
                    revoked.set()
            return seen

        with ThreadPoolExecutor(CLIENTS) as pool:
            seen = list(pool.map(post, clients))
        assert {status for before, status in seen[0] if before} == {401}
        assert all(status == 202 for statuses in seen[1:] for _, status in statuses)
        for client in clients[1:]:
            jobs = client.list_jobs()
            assert len(jobs) == POSTED
            assert {client.finished(job["id"])["state"] for job in jobs} == {"done"}
        assert gone.ask("GET", "/v1/jobs").status == 401
