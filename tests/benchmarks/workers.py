"""Two workers of one daemon: how much faster they are than one, what a person waits beside a batch, sixty kills."""

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from mien_api.client import DaemonClient
from mien_core.errors import MienError
from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row

PICTURES = 12
ASKED = 7  # swaps that a person waits for
KILLS = 60
ENDED = {"done", "failed", "cancelled"}
# A daemon like any other, but that it never tires of workers that die.
SERVE = """
import asyncio, sys
from dataclasses import replace
from mien_daemon.config import Config
from mien_daemon.server import serve
flags = {"port": 0, "offline": True, "devices": sys.argv[1]}
config = Config.load(flags, state_dir=sys.argv[2], models_dir=sys.argv[3])
asyncio.run(serve(replace(config, restart_delays_s=(0.05,), max_deaths=1 << 30)))
"""


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        with running(store, Path(folder, "one"), "cpu") as daemon:
            one = time_batch(daemon, store)
        with running(store, Path(folder, "two"), "cpu,cpu") as daemon:
            two = time_batch(daemon, store)
            yield Row("pictures a second of a batch, two workers ÷ one", one / two, "ratio", 1.7, at_least=True)
            alone = statistics.median(time_swaps(daemon, store))
            beside = statistics.median(time_swaps(daemon, store, beside=True))
            yield Row("a person's swap beside a full batch ÷ alone, two workers", beside / alone, "ratio", 1.3)
            lost, twice = count_losses(daemon, store)
            yield Row(f"{KILLS} kills of two workers: jobs lost", lost, "jobs", 0)
            yield Row(f"{KILLS} kills of two workers: jobs done twice", twice, "jobs", 0)


@contextmanager
def running(store: ModelStore, state: Path, devices: str) -> Generator[DaemonClient]:
    """A daemon with these workers, each of which has swapped once."""
    command = [sys.executable, "-c", SERVE, devices, str(state), str(store.root)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while (daemon := DaemonClient.discover(state)) is None:
                if process.poll() is not None:
                    raise RuntimeError(f"the daemon ended with status {process.returncode}")
                time.sleep(0.01)
            finish(daemon, post(daemon, store, 2 * (1 + devices.count(",")), side=1000))
            yield daemon
        finally:
            process.terminate()


def time_batch(daemon: DaemonClient, store: ModelStore) -> float:
    """Seconds of `PICTURES` pictures of a megapixel, with everything loaded."""
    began = time.perf_counter()
    finish(daemon, post(daemon, store, PICTURES, side=1000))
    return time.perf_counter() - began


def time_swaps(daemon: DaemonClient, store: ModelStore, *, beside: bool = False) -> Iterator[float]:
    """Seconds of each of a person's swaps, one after the other; `beside` a batch that keeps every worker at work."""
    batch = post(daemon, store, 4 * ASKED, side=1000) if beside else []
    for _ in range(ASKED):
        began = time.perf_counter()
        finish(daemon, post(daemon, store, 1, side=1000, priority="interactive"))
        yield time.perf_counter() - began
    for job in batch:
        with suppress(MienError):  # it is done
            daemon.request("POST", f"/v1/jobs/{job}/cancel")
    finish(daemon, batch)


def count_losses(daemon: DaemonClient, store: ModelStore) -> tuple[int, int]:
    """Kill a worker that is at work, `KILLS` times at any moment; jobs that were lost, and attempts too many.

    Every third job that is posted meanwhile is a person's, for which batch jobs give way. A job whose two attempts were
    both killed has failed by name, as it should: it is not lost.
    """
    chance, jobs = random.Random(18), post(daemon, store, 8, side=400)
    for number in range(KILLS):
        jobs += post(daemon, store, 1, side=400, priority="batch" if number % 3 else "interactive")
        victim = wait_for_work(daemon, chance)
        time.sleep(chance.uniform(0, 0.6))
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    ended = finish(daemon, jobs)
    done = [job for job in ended if job["state"] == "done" and daemon.result(job["id"])]
    killed_twice = [
        job for job in ended if (job["problem"] or {}).get("code") == "worker-died" and job["attempts"] == 2
    ]
    lost = len(jobs) - len(done) - len(killed_twice)
    # Every attempt ends in a result or in a death.
    return lost, max(0, sum(int(job["attempts"]) for job in ended) - len(jobs) - KILLS)


def wait_for_work(daemon: DaemonClient, chance: random.Random) -> int:
    """The process id of a worker that is at work."""
    while True:
        workers: Sequence[Mapping[str, Any]] = daemon.request("GET", "/v1/health")["workers"]
        if busy := [int(worker["pid"]) for worker in workers if worker["state"] == "busy" and worker["pid"]]:
            return chance.choice(busy)
        time.sleep(0.02)


def post(daemon: DaemonClient, store: ModelStore, count: int, *, side: int, priority: str = "batch") -> list[str]:
    """The ids of so many swaps of a bundled portrait; each has a seed of its own."""
    with PillowImage.open(store.path("demo-portraits", "astronaut.png")) as picture:
        data = BytesIO()
        picture.convert("RGB").resize((side, side), PillowImage.Resampling.BICUBIC).save(data, "JPEG", quality=92)
    target = daemon.put_blob(data.getvalue())
    reference = daemon.put_blob(store.path("demo-portraits", "grace_hopper.jpg").read_bytes())
    ask: dict[str, object] = {"kind": "swap", "target": target, "reference": reference}
    options = [{"engine": "mesh", "priority": priority, "seed": seed} for seed in range(count)]
    return [str(daemon.post_job({**ask, "options": each})["id"]) for each in options]


def finish(daemon: DaemonClient, jobs: Sequence[str]) -> list[Mapping[str, Any]]:
    """The jobs, once each has ended."""
    ended: list[Mapping[str, Any]] = []
    for job in jobs:
        while (now := daemon.request("GET", f"/v1/jobs/{job}?wait=20"))["state"] not in ENDED:
            pass
        ended.append(now)
    return ended
