"""Forget jobs and their results: one, those that a client names, or all that have finished."""

from aiohttp import web

from mien_daemon import keys
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.job_schemas import DeletedJobs, JobNames
from mien_daemon.http.route import Route


async def delete_job(request: web.Request) -> web.Response:
    await request.app[keys.QUEUE].delete(request[keys.CLIENT], request.match_info["id"])
    request.app[keys.PREVIEWS].forget_all()
    return web.Response(status=204)


async def delete_named_jobs(request: web.Request) -> web.Response:
    """Also for a page that is being left: one request carries them all, and what is gone already is no refusal."""
    named = (await read_json(request, JobNames)).jobs
    deleted = await request.app[keys.QUEUE].delete_named(request[keys.CLIENT], named)
    request.app[keys.PREVIEWS].forget_all()
    return reply(DeletedJobs(deleted=deleted))


async def delete_finished_jobs(request: web.Request) -> web.Response:
    deleted = await request.app[keys.QUEUE].delete_finished(request[keys.CLIENT])
    request.app[keys.PREVIEWS].forget_all()
    return reply(DeletedJobs(deleted=deleted))


ROUTES = (
    Route(
        "DELETE",
        "/v1/jobs",
        "delete_finished_jobs",
        delete_finished_jobs,
        "Forget every finished job and its result",
        "swap",
        {200: DeletedJobs},
    ),
    Route(
        "POST",
        "/v1/jobs/delete",
        "delete_named_jobs",
        delete_named_jobs,
        "Forget these jobs and their results; those that are gone already are passed over",
        "swap",
        {200: DeletedJobs},
        body=JobNames,
        problems=("bad-request",),
    ),
    Route(
        "DELETE",
        "/v1/jobs/{id}",
        "delete_job",
        delete_job,
        "Forget a job and its result; cancels it first",
        "swap",
        {204: None},
        problems=("unknown-job",),
    ),
)
