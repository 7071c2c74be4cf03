"""The daemon: how soon it is ready, how small its front stays, what a job costs beside its swap, how quick it is."""

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image as PillowImage

from mien_api.client import DaemonClient
from mien_daemon.worker.isolation import NICE
from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.evaluation.measures import Row, ratio
from mien_pipeline.runtime import Runtime
from mien_pipeline.trust.authority import Authority

SIDE = 1000  # 1 megapixel
ASKED = 400  # requests for health, so that the 99th percentile is four of them


def rows(store: ModelStore) -> Iterator[Row]:
    target, reference = portraits(store)
    with tempfile.TemporaryDirectory() as folder:
        yield Row(
            "daemon ready after start", statistics.median(ready_s(store, Path(folder)) for _ in range(5)), "s", 1.0
        )
        with running(store, Path(folder)) as (process, daemon):
            runtime = Runtime(store, Authority(Path(folder)))
            # As nice as the worker: beside other programs it would get more of the processor than the worker does.
            with ThreadPoolExecutor(1, initializer=os.nice, initargs=(NICE,)) as here:
                overhead = ratio(
                    lambda: daemon.swap(target, [reference], {"engine": "mesh"}),
                    lambda: here.submit(runtime.swap, target, [reference], MeshOptions()).result(),
                    times=15,
                )
            yield Row("1-MP job through the daemon ÷ the same swap in process", overhead, "ratio", 1.15)
            with repeated(lambda: daemon.swap(target, [reference], {"engine": "mesh"})):
                yield Row("health while a swap runs, 99th percentile", health_p99_ms(daemon), "ms", 20)
            yield Row("front process after the jobs, resident", resident_mb(process.pid), "MB", 80)


def ready_s(store: ModelStore, state: Path) -> float:
    """Seconds from starting the process to an answer from it."""
    began = time.perf_counter()
    with running(store, state):
        return time.perf_counter() - began


@contextmanager
def running(store: ModelStore, state: Path) -> Generator[tuple["subprocess.Popen[bytes]", DaemonClient]]:
    """A daemon of its own, as soon as it answers."""
    command = [sys.executable, "-m", "mien_cli", "serve", "--foreground", "--port", "0"]
    command += ["--state-dir", str(state), "--models-dir", str(store.root), "--offline"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while (daemon := DaemonClient.discover(state)) is None:
                if process.poll() is not None:
                    raise RuntimeError(f"the daemon ended with status {process.returncode}")
                time.sleep(0.002)
            daemon.request("GET", "/v1/hello")
            yield process, daemon
        finally:
            process.terminate()


@contextmanager
def repeated(work: Callable[[], object]) -> Generator[None]:
    """Do `work` over and over beside what is measured."""
    enough = threading.Event()

    def repeat() -> None:
        while not enough.is_set():
            work()

    beside = threading.Thread(target=repeat)
    beside.start()
    try:
        yield
    finally:
        enough.set()
        beside.join()


def health_p99_ms(daemon: DaemonClient) -> float:
    """On one connection that stays open, as the tray asks."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    measured: list[float] = []
    for _ in range(ASKED):
        began = time.perf_counter()
        connection.request("GET", "/v1/health", headers={"Authorization": f"Bearer {daemon.token}"})
        connection.getresponse().read()
        measured.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    connection.close()
    return statistics.quantiles(measured, n=100)[98]


def resident_mb(pid: int) -> float:
    """Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def portraits(store: ModelStore) -> tuple[bytes, bytes]:
    """The bundled portraits: the target enlarged to a megapixel, and the reference as it is."""
    picture = PillowImage.open(store.path("demo-portraits", "astronaut.png")).convert("RGB")
    data = BytesIO()
    picture.resize((SIDE, SIDE), PillowImage.Resampling.BICUBIC).save(data, "JPEG", quality=92)
    return data.getvalue(), store.path("demo-portraits", "grace_hopper.jpg").read_bytes()
