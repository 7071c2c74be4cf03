"""The typed slots of the application: what handlers may reach, and nothing else."""

import asyncio

from aiohttp import web

from mien_daemon.access.clients import Client, ClientRegistry
from mien_daemon.access.connections import Connections
from mien_daemon.access.console_sessions import ConsoleSessions
from mien_daemon.access.one_time_codes import OneTimeCodes
from mien_daemon.access.pairing import Pairing
from mien_daemon.access.sessions import Sessions
from mien_daemon.access.shares import Shares
from mien_daemon.config import Config, LiveSettings
from mien_daemon.downloads import Downloads
from mien_daemon.events import Events
from mien_daemon.jobs.groups import JobGroups
from mien_daemon.jobs.queue import JobQueue
from mien_daemon.jobs.scheduler import Scheduler
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.unfinished import UnfinishedJobs
from mien_daemon.pictures.blobs import PictureBlobs
from mien_daemon.pictures.previews import Previews
from mien_daemon.pictures.verifier import Verifier
from mien_daemon.references.open_library import OpenLibrary
from mien_daemon.state.check import StateCheck
from mien_daemon.state.database import Database
from mien_daemon.worker.pool import WorkerPool

CONFIG = web.AppKey("config", Config)
SETTINGS = web.AppKey("settings", LiveSettings)
STATE_CHECK = web.AppKey("state_check", StateCheck)
DATABASE = web.AppKey("database", Database)
CLIENTS = web.AppKey("clients", ClientRegistry)
EVENTS = web.AppKey("events", Events)
BLOBS = web.AppKey("blobs", PictureBlobs)
WORKERS = web.AppKey("workers", WorkerPool)
DOWNLOADS = web.AppKey("downloads", Downloads)
JOB_STORE = web.AppKey("job_store", JobStore)
SCHEDULER = web.AppKey("scheduler", Scheduler)
UNFINISHED = web.AppKey("unfinished", UnfinishedJobs)
QUEUE = web.AppKey("queue", JobQueue)
GROUPS = web.AppKey("groups", JobGroups)
ONE_TIME_CODES = web.AppKey("one_time_codes", OneTimeCodes)
CONSOLE_SESSIONS = web.AppKey("console_sessions", ConsoleSessions)
PREVIEWS = web.AppKey("previews", Previews)
REFERENCES = web.AppKey("references", OpenLibrary)
VERIFIER = web.AppKey("verifier", Verifier)
PAIRING = web.AppKey("pairing", Pairing)
CONNECTIONS = web.AppKey("connections", Connections)
SHARES = web.AppKey("shares", Shares)
SESSIONS = web.AppKey("sessions", Sessions)
STOP = web.AppKey("stop", asyncio.Event)
"""Set when the daemon is asked to end."""

CLIENT = web.RequestKey("client", Client)
"""The client of a request; `guard` sets it on every route that needs a token."""
