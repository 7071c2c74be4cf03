"""The state of the daemon, answered from memory and a few small files, so that it is quick under any load."""

from collections.abc import Sequence

from aiohttp import web

from mien_core.version import product_version
from mien_daemon import keys
from mien_daemon.http.body import reply
from mien_daemon.http.health_schemas import Health, Limits, QueueCounts, WorkerHealth
from mien_daemon.http.route import Route
from mien_daemon.worker.supervisor import WorkerStatus

VERSION = product_version()


async def get_health(request: web.Request) -> web.Response:
    app = request.app
    unverified = await app[keys.DOWNLOADS].in_thread(app[keys.DOWNLOADS].store.unverified)
    worker, settings = app[keys.WORKERS].status(), app[keys.SETTINGS].current
    return reply(
        Health(
            version=VERSION,
            device=worker.device,
            engine=worker.engine,
            queue=QueueCounts.model_validate(app[keys.QUEUE].counts()),
            worker=describe_worker(worker),
            workers=[describe_worker(each) for each in app[keys.WORKERS].statuses()],
            limits=Limits(
                max_blob_bytes=settings.max_blob_bytes,
                max_clip_bytes=settings.max_clip_bytes,
                max_pixels=settings.max_pixels,
                max_queued=settings.max_queued,
            ),
            degraded=worker.state == "degraded",
            notices=notices(app, unverified),
        )
    )


def describe_worker(status: WorkerStatus) -> WorkerHealth:
    return WorkerHealth(
        state=status.state, pid=status.pid, device=status.device, engine=status.engine, deaths=status.deaths
    )


def notices(app: web.Application, unverified: Sequence[str]) -> list[str]:
    found: list[str] = []
    if unverified:
        found.append(
            f"Unverified models: {', '.join(unverified)}. No source has vouched for them; a download asks theirs."
        )
    aside = app[keys.DATABASE].moved_aside
    if aside:
        found.append(f"The database was damaged; it lies in {aside.name} now, a new one was begun.")
    found += describe_deaths(app[keys.WORKERS].statuses())
    app[keys.DATABASE].look()
    found += app[keys.STATE_CHECK].sentences()
    clock = app[keys.DATABASE].clock
    clock.look()
    for jump in clock.jumps[-1:]:
        way = "ahead" if jump > 0 else "back"
        found.append(
            f"The system's clock jumped {way} by {describe_span(abs(jump))}. "
            "Mien counts the time that passed: nothing is deleted early or kept longer for it."
        )
    if app[keys.DATABASE].damaged:
        found.append("The database was damaged while the daemon ran. Start the daemon again: it moves it aside.")
    return found


def describe_deaths(workers: Sequence[WorkerStatus]) -> list[str]:
    """What is said of workers that died too often to be started again now."""
    degraded = [worker.device for worker in workers if worker.state == "degraded"]
    if not degraded:
        return []
    if len(degraded) == len(workers):
        return ["The worker died three times in five minutes; jobs wait. Its log says why."]
    return [
        f"The worker on {', '.join(degraded)} died three times in five minutes; the others go on. Its log says why."
    ]


def describe_span(seconds: float) -> str:
    """A length of time in its largest unit."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


ROUTES = (
    Route(
        "GET",
        "/v1/health",
        "get_health",
        get_health,
        "How the daemon is",
        "swap",
        {200: Health},
    ),
)
