"""A swap in one request, for other programs' protocols: pictures in, the finished picture out.

It is the same job with the same token, checks, marks and limits as `POST /v1/jobs`. A picture of a face that is not in
the library comes with the statement that allows its use.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from aiohttp import web

from mien_api.problems import error_for
from mien_core.errors import BadRequest, Cancelled, InvalidImage, MienError, UnknownEngine, UnknownReference
from mien_daemon import keys
from mien_daemon.http.guard import authenticate
from mien_daemon.http.new_job_schemas import NewSwap
from mien_daemon.jobs.job import Job, JobRequest
from mien_daemon.pictures.blobs import digest_of
from mien_daemon.references.consent import Consent
from mien_daemon.routes.jobs import ask_from, choose_default
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.options import AUTO

# Two photographs of 18 MB in base64. They are held in memory until they are on the disk; larger ones go by
# `PUT /v1/blobs`, which holds a piece at a time.
MAX_BYTES = 48 << 20
PROBLEMS = (
    "unknown-route",
    "bad-request",
    "request-too-large",
    "request-timeout",
    "consent-required",
    "unknown-reference",
    "invalid-options",
    "unknown-engine",
    "invalid-image",
    "image-too-large",
    "no-face-found",
    "several-faces",
    "reference-glasses",
    "too-many-pictures",
    "content-blocked",
    "check-unavailable",
    "marking-failed",
    "model-not-installed",
    "licence-not-accepted",
    "engine-unavailable",
    "key-unavailable",
    "gpu-out-of-memory",
    "not-enough-memory",
    "worker-died",
    "cancelled",
    "queue-full",
    "too-many-requests",
    "disk-full",
)
"""What a swap may be refused with, or may fail with."""


@dataclass(frozen=True, slots=True)
class WantedSwap:
    """A swap as another protocol asks for it.

    Attributes:
        target: an encoded picture.
        person: pictures of one person, or "ref:ID" for all that the library has of one.
        options: as `POST /v1/jobs` takes them.
        basis, adult: the statement that allows the use of a face that is not in the library.
    """

    target: bytes
    person: Sequence[bytes | str]
    options: Mapping[str, object]
    basis: str = ""
    adult: bool = False


async def accept(request: web.Request, wanted: WantedSwap) -> JobRequest:
    """The job to queue, with its pictures kept as those of `PUT /v1/blobs` are.

    Raises:
        ConsentRequired: a face that is not in the library, without the statement; `field` says what is missing.
        MienError: what `PUT /v1/blobs` and `POST /v1/jobs` refuse.
    """
    if any(isinstance(each, bytes) for each in wanted.person):
        Consent.given("", wanted.basis, adult=wanted.adult, expires_at=None)
    target = await keep(request, wanted.target)
    if await request.app[keys.BLOBS].is_clip(digest_of(target)):
        raise InvalidImage("only pictures are swapped in one request; clips go by /v1/jobs", field="target")
    people = [each if isinstance(each, str) else await keep(request, each) for each in wanted.person]
    asked = NewSwap(kind="swap", target=target, reference=people, options=dict(wanted.options))
    return ask_from(asked, await choose_default(request, asked.options))


def require_engine(name: str, field: str) -> str:
    """The name, if there is such an engine.

    Raises:
        UnknownEngine: `known` are those there are.
    """
    if name != AUTO and name not in ENGINES:
        raise UnknownEngine(f"there is no engine called {name!r}", field=field, known=[AUTO, *ENGINES])
    return name


async def keep(request: web.Request, picture: bytes) -> str:
    """Keep a picture under the hash of its bytes, for this client; its name."""
    digest = (await asyncio.to_thread(sha256, picture)).hexdigest()
    await request.app[keys.BLOBS].put(digest, request[keys.CLIENT], once(picture), len(picture))
    return f"sha256:{digest}"


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def run(request: web.Request, ask: JobRequest) -> tuple[Job, bytes]:
    """Queue a job, wait for it, and return it with its picture. A client that leaves meanwhile cancels it,
    even while it is being stored.

    Raises:
        MienError: why it was refused or why it failed, as `GET /v1/jobs/{id}` would say it.
    """
    queue, client = request.app[keys.QUEUE], request[keys.CLIENT]
    with request.app[keys.SHARES].waits.hold(client):
        submitting = asyncio.ensure_future(queue.submit(client, ask))
        try:
            job = await wait_for(request, await asyncio.shield(submitting))
        except BaseException:
            with suppress(MienError):
                await queue.cancel(client, (await submitting).id)
            raise
    if job.state == "cancelled":
        raise Cancelled("the job was cancelled", job=job.id)
    if job.problem is not None:
        raise error_for(job.problem)
    job, path = await queue.result(client, job.id)
    return job, await asyncio.to_thread(path.read_bytes)


async def wait_for(request: web.Request, job: Job) -> Job:
    """The job, finished; raises `Unpaired` when its client is revoked meanwhile."""
    queue, events = request.app[keys.QUEUE], request.app[keys.EVENTS]
    while True:
        since = events.last
        job = await queue.get(authenticate(request), job.id)
        if job.is_finished:
            return job
        await queue.change_of(job.id, since)


def link_to(job: Job) -> dict[str, str]:
    """The header that says where the job and its report are."""
    return {"Link": f'</v1/jobs/{job.id}>; rel="describedby"'}


async def find_person(request: web.Request, name: str, field: str) -> str:
    """The person of the library with this id or this name, as "ref:ID".

    Raises:
        UnknownReference: there is none whose face may be used.
        BadRequest: several people have this name; `field` is the one that was given.
    """
    library, wanted = request.app[keys.REFERENCES].library, name.removeprefix("ref:")
    records = [each for each in await asyncio.to_thread(library.records) if not each.consent.is_over]
    found = [each.id for each in records if each.id == wanted] or [
        each.id for each in records if each.consent.label == wanted
    ]
    if not found:
        raise UnknownReference("there is no such reference", field=field)
    if len(found) > 1:
        raise BadRequest(f"{field}: several people have this name; give the id", field=field)
    return f"ref:{found[0]}"
