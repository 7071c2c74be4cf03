"""`GET /metrics`: figures for Prometheus, in its text format 0.0.4. No name of a person, a file or a client."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from mien_core.version import product_version
from mien_daemon import keys
from mien_daemon.http.route import Route
from mien_daemon.jobs.job import FINISHED
from mien_daemon.worker.supervisor import WorkerStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
VERSION = product_version()

Sample = tuple[dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure with its labels."""

    name: str
    kind: Literal["gauge", "counter"]
    meaning: str
    samples: Sequence[Sample]


async def get_metrics(request: web.Request) -> web.Response:
    text = "".join(render(collect(request.app)))
    return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})


def collect(app: web.Application) -> Iterator[Metric]:
    """Every figure, from memory: a scrape reads no disk."""
    jobs = app[keys.UNFINISHED]
    counts = jobs.counts()
    yield Metric("mien_info", "gauge", "The version that runs.", [({"version": VERSION}, 1)])
    waiting: list[Sample] = [({"state": state}, float(str(counts[state]))) for state in ("queued", "running")]
    yield Metric("mien_jobs", "gauge", "Jobs that wait or run.", waiting)
    yield Metric("mien_queue_paused", "gauge", "1 while no further job begins.", [({}, float(bool(counts["paused"])))])
    ended: list[Sample] = [({"state": state}, float(jobs.finished[state])) for state in sorted(FINISHED)]
    yield Metric("mien_jobs_finished_total", "counter", "Jobs that ended since the daemon began.", ended)
    taken: list[Sample] = [(label_kind(kind), seconds) for kind, seconds in jobs.durations.typical.items()]
    yield Metric("mien_job_seconds", "gauge", "A running average of the jobs that were done.", taken)
    yield from collect_workers(app[keys.WORKERS].statuses())


def label_kind(kind: str) -> dict[str, str]:
    """The labels of a key of `StageDurations`."""
    name, _, engine = kind.partition(" ")
    return {"kind": name, "engine": engine}


def collect_workers(workers: Sequence[WorkerStatus]) -> Iterator[Metric]:
    states: list[Sample] = [
        ({"worker": str(number), "device": each.device, "state": each.state}, 1) for number, each in enumerate(workers)
    ]
    yield Metric("mien_worker_state", "gauge", "1 for the state that each worker is in.", states)
    deaths: list[Sample] = [
        ({"worker": str(number), "device": each.device}, float(each.deaths)) for number, each in enumerate(workers)
    ]
    yield Metric("mien_worker_deaths", "gauge", "Deaths of a worker in the last five minutes.", deaths)


def render(metrics: Iterable[Metric]) -> Iterator[str]:
    """The lines of the text format. Source: prometheus.io/docs/instrumenting/exposition_formats."""
    for metric in metrics:
        yield f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} {metric.kind}\n"
        for labels, value in metric.samples:
            named = ",".join(f'{name}="{escape(text)}"' for name, text in labels.items())
            yield f"{metric.name}{{{named}}} {value:g}\n" if named else f"{metric.name} {value:g}\n"


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


ROUTES = (
    Route(
        "GET",
        "/metrics",
        "get_metrics",
        get_metrics,
        "Figures for Prometheus",
        "swap",
        {200: "text/plain"},
        problems=("unknown-route",),
        setting="metrics",
    ),
)
