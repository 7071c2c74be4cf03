"""The process that talks to Ray: it starts a cluster or joins one, and hands its actors one picture after the other.

It is the only one that imports Ray, and the only one whose network Ray sees. Frames come on standard input and go to
what was standard output, as with a worker; when the run is gone, this process ends, and a cluster of its own with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from mien_cli.batch.cluster.actors import Actors
from mien_cli.batch.cluster.begin import Begin, read_begin
from mien_cli.batch.cluster.loopback import enter_own_network
from mien_cli.batch.cluster.node import fail, write
from mien_cli.batch.cluster.sealed import Job
from mien_core.errors import ClusterRefused, MienError
from mien_core.files import name_system_error
from mien_core.redaction import log_to
from mien_daemon.worker.messages import Failed, Ready, RunJob, read
from mien_daemon.worker.runner import Pipe, take_standard_streams
from mien_models.local.egress_log import EgressLog
from mien_pipeline.trust.authority import Authority

log = logging.getLogger("mien_cli.ray_process")

MAX_STARTS = 2  # on a busy machine Ray's own processes may be too slow for one another
STORE_BYTES = 512 << 20  # targets and results on their way: eight in flight an actor
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_RUNTIME_ENV_CREATION": "0"}
# The network is closed around our own cluster; its processes need no token to know one another.
OWN_SETTINGS = {"RAY_AUTH_MODE": "disabled", "RAY_USE_TLS": "0"}


def describe_own_cluster(begin: Begin) -> dict[str, Any]:
    """What `ray.init` is told of a cluster of this run: nothing that is seen from outside, nothing that is spilled."""
    return {
        "num_cpus": len(begin.devices),
        "num_gpus": 0,
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": begin.folder,
        "_system_config": {"automatic_object_spilling_enabled": False, "agent_register_timeout_ms": 120_000},
    }


def start_ray(begin: Begin) -> None:
    """Join the cluster, or start one.

    Raises:
        ClusterRefused: `reason` is "start", or "unreachable" where the cluster does not answer.
    """
    import ray  # pyright: ignore[reportMissingImports]

    own = describe_own_cluster(begin) if begin.is_own else {}
    if begin.address:
        host, _, port = begin.address.removeprefix("ray://").rpartition(":")
        EgressLog(Path(begin.models_dir) / "egress.log").note(host, int(port), "ray")
    for _ in range(MAX_STARTS):
        try:
            ray.init(begin.address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
        except Exception:  # Ray's own, gRPC's and the system's
            log.warning("Ray did not start", exc_info=True)
            ray.shutdown()
        else:
            return
    if begin.address:
        raise ClusterRefused(f"{begin.address} does not answer", reason="unreachable")
    raise ClusterRefused(f"Ray did not start in {MAX_STARTS} attempts", reason="start")


def read_job(begin: Begin) -> Job:
    """The pictures that the run laid out."""
    people = [[Path(path).read_bytes() for path in person] for person in begin.references]
    return Job(people, [Path(path).read_bytes() for path in begin.likes], begin.consents)


async def serve(begin: Begin, incoming: BinaryIO, pipe: Pipe) -> None:
    """Do what comes until the run is gone.

    Raises:
        MienError: the cluster is given nothing.
    """
    actors = Actors(begin, read_job(begin), Authority(Path(begin.state_dir)).signatory())
    try:
        await actors.open()
        pipe.send(Ready())
        working = set[asyncio.Task[None]]()
        while (work := await asyncio.to_thread(read, incoming)) is not None:
            if isinstance(work, RunJob):
                task = asyncio.create_task(answer(actors, work, pipe))
                working.add(task)
                task.add_done_callback(working.discard)
        for task in list(working):
            task.cancel()
    finally:
        await actors.close()


async def answer(actors: Actors, work: RunJob, pipe: Pipe) -> None:
    """Have one picture or segment made, put the result where the run wants it, and say how it went."""
    try:
        message, made = await (actors.render(work) if work.kind == "help" else actors.swap(work))
        if made:
            await asyncio.to_thread(write, Path(work.output), made)
        pipe.send(message)
    except MienError as error:
        pipe.send(fail(work.id, error))
    except Exception as error:
        log.exception("work %s failed on the cluster", work.id)
        refusal = name_system_error(error)
        pipe.send(fail(work.id, refusal) if refusal else Failed(work.id, "internal-error", ""))


def run(begin: Begin, incoming: BinaryIO, pipe: Pipe) -> None:
    """The cluster from its start to its end; raises as `start_ray` and `serve`."""
    folder = Path(begin.folder)
    sys.argv[0] = str(folder / "mien")  # nodes import from the folder of the script, too
    try:
        if begin.is_own:
            enter_own_network()
            os.environ.update(OWN_SETTINGS)
        os.environ.update(SETTINGS)
        import ray  # pyright: ignore[reportMissingImports]

        start_ray(begin)
        try:
            asyncio.run(serve(begin, incoming, pipe))
        finally:
            ray.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's to answer
    log_to(logging.StreamHandler(sys.stderr))
    incoming, pipe = take_standard_streams()
    begin = read_begin(incoming)
    try:
        run(begin, incoming, pipe)
    except MienError as error:
        pipe.send(fail("", error))


if __name__ == "__main__":
    main()
