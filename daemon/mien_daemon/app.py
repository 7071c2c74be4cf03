"""Everything the daemon is made of, on one page."""

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from mien_api.errors import StateBusy
from mien_daemon import keys
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.access.connections import Connections
from mien_daemon.access.console_sessions import ConsoleSessions
from mien_daemon.access.one_time_codes import OneTimeCodes
from mien_daemon.access.pairing import Pairing
from mien_daemon.access.sessions import Sessions
from mien_daemon.access.shares import Shares
from mien_daemon.config import Config, LiveSettings
from mien_daemon.downloads import Downloads, open_store
from mien_daemon.events import Events
from mien_daemon.http.guard import ROUTES as ROUTE_OF
from mien_daemon.http.guard import add_standing_headers, answer_problems, guard, leave_to_guard, note_connection
from mien_daemon.http.route import Route
from mien_daemon.jobs.admission import Admission
from mien_daemon.jobs.expiry import expire
from mien_daemon.jobs.groups import JobGroups
from mien_daemon.jobs.queue import JobQueue
from mien_daemon.jobs.scheduler import Scheduler
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.unfinished import UnfinishedJobs
from mien_daemon.jobs.work_folder import WorkFolders
from mien_daemon.pictures.blobs import PictureBlobs
from mien_daemon.pictures.previews import Previews
from mien_daemon.pictures.verifier import Verifier
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.open_library import OpenLibrary
from mien_daemon.routes import ROUTES
from mien_daemon.state.check import StateCheck, close_to_others
from mien_daemon.state.database import Database
from mien_daemon.state.personal_data import remove_empty_memory_folder
from mien_daemon.worker.pool import WorkerPool

log = logging.getLogger(__name__)


def create_app(config: Config, local_token: str, stop: asyncio.Event | None = None) -> web.Application:
    """The daemon's application; `config.settings.port` is the port that was really bound.

    `local_token` is what `daemon.json` will tell this user's own programs; `stop` is set by who asks it to end.
    """
    app = web.Application(middlewares=[note_connection, answer_problems, guard])
    app.on_response_prepare.append(add_standing_headers)
    app[keys.CONFIG] = config
    app[keys.STOP] = stop or asyncio.Event()
    app[keys.CONNECTIONS] = Connections()
    app[keys.SHARES] = Shares()
    app[keys.SETTINGS] = LiveSettings(config)
    app[keys.EVENTS] = Events()
    opened = close_to_others(config.folders.state)
    app[keys.DATABASE] = Database(config.folders.state)
    app[keys.STATE_CHECK] = StateCheck(app[keys.DATABASE], config.folders.state, opened)
    app[keys.CLIENTS] = ClientRegistry(app[keys.DATABASE], local_token)
    app[keys.ONE_TIME_CODES] = OneTimeCodes(app[keys.CLIENTS])
    app[keys.CONSOLE_SESSIONS] = ConsoleSessions(app[keys.CLIENTS], app[keys.DATABASE], config.settings.port)
    app[keys.PREVIEWS] = Previews([config.folders.state / "blobs", config.folders.state / "results"])
    app[keys.BLOBS] = PictureBlobs(
        config.folders.state, app[keys.DATABASE], app[keys.SETTINGS], app[keys.PREVIEWS].read_header
    )
    app[keys.DOWNLOADS] = Downloads(open_store(config), app[keys.SETTINGS], app[keys.EVENTS])
    app[keys.WORKERS] = WorkerPool.open(config, app[keys.SETTINGS], app[keys.EVENTS])
    library = ReferenceLibrary(config.folders.state)
    app[keys.REFERENCES] = OpenLibrary(library, app[keys.WORKERS].workers, app[keys.EVENTS])
    add_jobs(app, config)
    app[keys.VERIFIER] = Verifier(config.folders.state, config.folders.models)
    app[keys.PAIRING] = Pairing(app[keys.CLIENTS], config.settings.port)
    app[keys.SESSIONS] = Sessions(app[keys.CLIENTS], config.settings.port)
    by_handler: dict[object, Route] = {route.handler: route for route in ROUTES}
    app[ROUTE_OF] = by_handler
    for route in ROUTES:
        # RFC 9110 section 9.3.2: what can be asked with GET can be asked with HEAD, which answers without the body.
        for method in (route.method, "HEAD") if route.method == "GET" else (route.method,):
            app.router.add_route(method, route.path, route.handler, expect_handler=leave_to_guard)
    app.on_shutdown.append(end_streams)
    app.cleanup_ctx.extend([open_database, run_workers, run_downloads, run_previews, run_references, run_queue])
    return app


def add_jobs(app: web.Application, config: Config) -> None:
    """The queue and what it is made of; the workers are its executors."""
    events, settings, blobs, references = (app[keys.EVENTS], app[keys.SETTINGS], app[keys.BLOBS], app[keys.REFERENCES])
    jobs = app[keys.UNFINISHED] = UnfinishedJobs(events, settings, app[keys.DATABASE].clock)
    store = app[keys.JOB_STORE] = JobStore(app[keys.DATABASE], config.folders.state)
    folders = WorkFolders(config.folders.state, blobs, references)
    scheduler = app[keys.SCHEDULER] = Scheduler(jobs, store, folders, app[keys.WORKERS].workers, events)
    admission = Admission(jobs, blobs, references, settings, app[keys.PREVIEWS].read_clip, app[keys.DOWNLOADS].store)
    queue = app[keys.QUEUE] = JobQueue(jobs, store, scheduler, admission, events, settings)
    app[keys.GROUPS] = JobGroups(queue, store, jobs)


async def end_streams(app: web.Application) -> None:
    """Wake every open event stream, so that it ends before the daemon waits for it."""
    app[keys.EVENTS].close()


async def open_database(app: web.Application) -> AsyncIterator[None]:
    await app[keys.STATE_CHECK].start()
    await app[keys.CLIENTS].load()
    await app[keys.CONSOLE_SESSIONS].load()
    yield
    await app[keys.PAIRING].finish_approvals()
    await asyncio.gather(app[keys.CLIENTS].close(), app[keys.CONSOLE_SESSIONS].close())
    app[keys.DATABASE].close()


async def run_workers(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[keys.WORKERS].shut()


async def run_downloads(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[keys.DOWNLOADS].close()


async def run_previews(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[keys.PREVIEWS].close()


async def run_references(app: web.Application) -> AsyncIterator[None]:
    await app[keys.REFERENCES].start()
    yield
    await app[keys.REFERENCES].close()


async def run_queue(app: web.Application) -> AsyncIterator[None]:
    try:
        await app[keys.BLOBS].forget_used_faces()
    except StateBusy:
        log.warning("another program has locked the database; it is waited for")
    await app[keys.SCHEDULER].start()
    expiring = asyncio.create_task(expire(app[keys.JOB_STORE], app[keys.BLOBS], app[keys.STATE_CHECK]))
    yield
    expiring.cancel()
    await asyncio.gather(expiring, app[keys.SCHEDULER].stop(), app[keys.QUEUE].stop(), return_exceptions=True)
    remove_empty_memory_folder(app[keys.CONFIG].folders.state)
