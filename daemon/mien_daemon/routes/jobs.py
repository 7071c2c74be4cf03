"""Post, watch, cancel, retry and move jobs; fetch their results."""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, cast

from aiohttp import web
from pydantic import ConfigDict, Discriminator, RootModel

from mien_api.job_name import name_file, name_job
from mien_core.errors import BadRequest, InvalidOptions
from mien_daemon import keys
from mien_daemon.http.body import read_json, read_query, reply
from mien_daemon.http.file_answer import is_known, send_picture
from mien_daemon.http.guard import authenticate
from mien_daemon.http.job_schemas import JobAnswer, JobPage, JobQuery, MoveJob, StarJob, WaitQuery
from mien_daemon.http.new_job_schemas import NewAnalysis, NewRestore, NewSwap
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import HEADERS
from mien_daemon.jobs.job import STATES, JobRequest, Priority, State, describe
from mien_daemon.jobs.label import JobLabel
from mien_daemon.pictures.blobs import digest_of
from mien_pipeline.choice.choose import default_engine, settle_for_clip
from mien_pipeline.clip_options import parse_clip_options, split_clip_options
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.options import AUTO, parse_restore_options

MAX_WAIT_S = 20.0  # a browser's background is evicted at 30 s
KEY = re.compile(HEADERS["Idempotency-Key"])


class NewJob(RootModel[Annotated[NewSwap | NewRestore | NewAnalysis, Discriminator("kind")]]):
    """A swap, a restore, or a look at a clip."""

    model_config = ConfigDict(defer_build=True)


async def post_job(request: web.Request) -> web.Response:
    asked = (await read_json(request, NewJob)).root
    key = idempotency_key(request)
    # A client may post the job while its target is on the way: it saves one of the two waits.
    await request.app[keys.BLOBS].settled(digest_of(asked.target), request[keys.CLIENT])
    ask = await settle_clip(request, ask_from(asked, await choose_default(request, asked.options)))
    # What is not given is left out, as before it could be: a key that was kept then still means the same body.
    body = asked.model_dump(exclude={name for name in ("group", "label") if getattr(asked, name) is None})
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    queue = request.app[keys.QUEUE]
    job = await queue.submit(request[keys.CLIENT], ask, key, digest)
    return reply(queue.show(job), 202, {"Location": f"/v1/jobs/{job.id}"})


async def choose_default(request: web.Request, given: Mapping[str, object]) -> str:
    """The engine of a swap that names none: what the person set, or what comes of `auto` with these options."""
    usual = request.app[keys.SETTINGS].current.default_engine
    if usual != AUTO or "engine" in given:
        return usual
    downloads = request.app[keys.DOWNLOADS]
    return await downloads.in_thread(lambda: default_engine(list_own(given), downloads.store))


def list_own(given: Mapping[str, object]) -> dict[str, object]:
    """The options that are an engine's, without those of the queue and of clips."""
    return split_clip_options({name: value for name, value in given.items() if name != "priority"})[0]


async def settle_clip(request: web.Request, ask: JobRequest) -> JobRequest:
    """The job with its engine picked, where it was left open for a clip: all who work on it have to take the same."""
    blobs, digest = request.app[keys.BLOBS], ask.target.removeprefix("sha256:")
    if ask.options.get("engine") != AUTO or not blobs.path(digest).is_file() or not await blobs.is_clip(digest):
        return ask
    raw, for_clips = split_clip_options(ask.options)
    downloads = request.app[keys.DOWNLOADS]
    options = await downloads.in_thread(lambda: settle_for_clip(parse_options(raw), downloads.store))
    return replace(ask, options={**options.model_dump(mode="json", exclude_unset=True), **for_clips})


def idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise BadRequest("an idempotency key has 1 to 255 visible ASCII characters", field="Idempotency-Key")
    return key


def ask_from(asked: NewSwap | NewRestore | NewAnalysis, default_engine: str) -> JobRequest:
    """The job to queue, with its options checked now rather than when it runs.

    Raises:
        InvalidOptions, UnknownEngine: `field` names the option.
    """
    options = dict(asked.options)
    named = options.pop("priority", "interactive")
    if not isinstance(named, str) or named not in Priority.__members__:
        raise InvalidOptions("priority is interactive or batch", field="priority")
    priority = Priority[named]
    label = JobLabel.read(asked.label.model_dump()) if asked.label else None
    if isinstance(asked, NewRestore):
        wanted = parse_restore_options(options).model_dump(mode="json", exclude_none=True)
        return JobRequest("restore", asked.target, (), wanted, priority, asked.group, label)
    options, for_clips = split_clip_options(options)
    parse_clip_options(for_clips)
    if isinstance(asked, NewAnalysis):
        if strange := sorted({*options, *for_clips} - {"from", "to"}):
            raise InvalidOptions(f"an analysis has no option {strange[0]!r}", field=strange[0])
        return JobRequest("analyse", asked.target, (), for_clips, priority, asked.group, label)
    people = read_people(asked)
    checked = parse_options({"engine": default_engine, **options})
    told = {**checked.model_dump(mode="json", exclude_unset=True), **for_clips}
    return JobRequest("swap", asked.target, people, told, priority, asked.group, label)


def read_people(asked: NewSwap) -> tuple[tuple[str, ...], ...]:
    """The pictures of each person.

    Raises:
        BadRequest: neither `reference` nor `references` is given, or both are; `field` names the one to change.
    """
    if {"reference", "references"} <= asked.model_fields_set:
        raise BadRequest("references: give it or reference, not both", field="references")
    if asked.references:
        return tuple(map(tuple, asked.references))
    if not asked.reference:
        raise BadRequest("reference: Field required", field="reference")
    return ((asked.reference,) if isinstance(asked.reference, str) else tuple(asked.reference),)


async def list_jobs(request: web.Request) -> web.Response:
    query = read_query(request, JobQuery)
    states = [state for state in (query.state or "").split(",") if state]
    if unknown := set(states) - set(STATES):
        raise BadRequest(f"there is no state {min(unknown)!r}", field="state")
    queue = request.app[keys.QUEUE]
    before = int(query.cursor) if query.cursor else None
    jobs = await queue.page(request[keys.CLIENT], cast("list[State]", states), before, query.limit + 1, query.group)
    shown, more = jobs[: query.limit], len(jobs) > query.limit
    return reply({"jobs": [queue.show(job) for job in shown], "next": str(shown[-1].number) if more else None})


async def get_job(request: web.Request) -> web.Response:
    """Answer now, or as soon as the job changes."""
    query = read_query(request, WaitQuery)
    wait_s = min(query.wait, MAX_WAIT_S)
    queue, client, job_id = request.app[keys.QUEUE], request[keys.CLIENT], request.match_info["id"]
    known = request.headers.get("If-None-Match", "")
    since = request.app[keys.EVENTS].last
    job = await queue.get(client, job_id)
    if wait_s and not job.is_finished and (not known or is_known(known, tag_of(queue.show(job)))):
        with request.app[keys.SHARES].waits.hold(client), suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await queue.change_of(job_id, since, query.pace)
        job = await queue.get(authenticate(request), job_id)  # a client that was revoked meanwhile is refused
    shown = queue.show(job)
    tag = tag_of(shown)
    headers = {"ETag": f'"{tag}"'}
    return (
        web.Response(status=304, headers=headers) if known and is_known(known, tag) else reply(shown, headers=headers)
    )


def tag_of(shown: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:32]


async def cancel_job(request: web.Request) -> web.Response:
    queue = request.app[keys.QUEUE]
    return reply(queue.show(await queue.cancel(request[keys.CLIENT], request.match_info["id"])))


async def retry_job(request: web.Request) -> web.Response:
    queue = request.app[keys.QUEUE]
    job = await queue.retry(request[keys.CLIENT], request.match_info["id"])
    return reply(queue.show(job), 202, {"Location": f"/v1/jobs/{job.id}"})


async def move_job(request: web.Request) -> web.Response:
    body = await read_json(request, MoveJob)
    queue = request.app[keys.QUEUE]
    return reply(queue.show(await queue.move(request[keys.CLIENT], request.match_info["id"], body.before)))


async def star_job(request: web.Request) -> web.Response:
    body = await read_json(request, StarJob)
    queue = request.app[keys.QUEUE]
    return reply(queue.show(await queue.star(request[keys.CLIENT], request.match_info["id"], body.starred)))


async def get_job_result(request: web.Request) -> web.StreamResponse:
    job, path = await request.app[keys.QUEUE].result(request[keys.CLIENT], request.match_info["id"])
    people = await request.app[keys.REFERENCES].names(first for first, *_ in job.ask.references)
    name = name_file(name_job(describe(job, None), people)) or f"mien-{job.id[:12]}"
    return await send_picture(request, path, job.result_sha256 or "", job.media_type or "image/png", name)


ROUTES = (
    Route(
        "POST",
        "/v1/jobs",
        "post_job",
        post_job,
        "Ask for a swap, a restore, or a look at a clip",
        "swap",
        {202: JobAnswer},
        body=NewJob,
        headers={"Idempotency-Key": "A repeated key with the same body gives the same job"},
        problems=(
            "bad-request",
            "invalid-options",
            "unknown-engine",
            "model-not-installed",
            "licence-not-accepted",
            "unknown-blob",
            "unknown-reference",
            "key-unavailable",
            "too-many-pictures",
            "invalid-image",
            "image-too-large",
            "unsupported-clip",
            "hdr",
            "clip-too-long",
            "idempotency-key-reused",
            "queue-full",
            "too-many-requests",
            "disk-full",
        ),
    ),
    Route(
        "GET",
        "/v1/jobs",
        "list_jobs",
        list_jobs,
        "Jobs, newest first",
        "swap",
        {200: JobPage},
        query=JobQuery,
        problems=("bad-request",),
    ),
    Route(
        "GET",
        "/v1/jobs/{id}",
        "get_job",
        get_job,
        "One job, now or when it changes",
        "swap",
        {200: JobAnswer, 304: None},
        query=WaitQuery,
        headers={"If-None-Match": "The ETag of what is known: wait for something else"},
        problems=("bad-request", "unknown-job", "too-many-requests"),
    ),
    Route(
        "POST",
        "/v1/jobs/{id}/cancel",
        "cancel_job",
        cancel_job,
        "Stop a job",
        "swap",
        {200: JobAnswer},
        problems=("unknown-job", "job-finished"),
    ),
    Route(
        "POST",
        "/v1/jobs/{id}/retry",
        "retry_job",
        retry_job,
        "Queue a failed or cancelled job again",
        "swap",
        {202: JobAnswer},
        problems=(
            "unknown-job",
            "job-finished",
            "job-unfinished",
            "model-not-installed",
            "licence-not-accepted",
            "unknown-blob",
            "unknown-reference",
            "too-many-pictures",
            "key-unavailable",
            "queue-full",
            "too-many-requests",
        ),
    ),
    Route(
        "POST",
        "/v1/jobs/{id}/move",
        "move_job",
        move_job,
        "Put a waiting job before another",
        "admin",
        {200: JobAnswer},
        body=MoveJob,
        problems=("bad-request", "unknown-job", "job-finished", "job-unfinished"),
    ),
    Route(
        "POST",
        "/v1/jobs/{id}/star",
        "star_job",
        star_job,
        "Keep a result until it is deleted, or let its time begin anew",
        "swap",
        {200: JobAnswer},
        body=StarJob,
        problems=("bad-request", "unknown-job", "job-unfinished", "job-finished", "job-expired", "result-damaged"),
    ),
    Route(
        "GET",
        "/v1/jobs/{id}/result",
        "get_job_result",
        get_job_result,
        "The picture or the clip",
        "swap",
        {200: ("image/*", "video/*"), 206: ("image/*", "video/*"), 304: None},
        headers={"If-None-Match": "An ETag", "Range": "One range of bytes"},
        problems=(
            "unknown-job",
            "job-unfinished",
            "job-finished",
            "job-expired",
            "result-damaged",
            "range-not-satisfiable",
        ),
    ),
)
