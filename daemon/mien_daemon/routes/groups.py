"""Jobs that belong together, such as those of a folder: how far they are, stop them all, try again what failed."""

from aiohttp import web

from mien_daemon import keys
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.job_schemas import GroupAnswer, GroupList, MoveJob
from mien_daemon.http.route import Route


async def list_groups(request: web.Request) -> web.Response:
    return reply({"groups": list(await request.app[keys.GROUPS].list_all(request[keys.CLIENT]))})


async def get_group(request: web.Request) -> web.Response:
    return reply(await request.app[keys.GROUPS].get(request[keys.CLIENT], request.match_info["name"]))


async def cancel_group(request: web.Request) -> web.Response:
    return reply(await request.app[keys.GROUPS].cancel(request[keys.CLIENT], request.match_info["name"]))


async def retry_group(request: web.Request) -> web.Response:
    answer = await request.app[keys.GROUPS].retry(request[keys.CLIENT], request.match_info["name"])
    return reply(answer, 202)


async def move_group(request: web.Request) -> web.Response:
    body = await read_json(request, MoveJob)
    groups, name = request.app[keys.GROUPS], request.match_info["name"]
    return reply(await groups.move(request[keys.CLIENT], name, body.before))


ROUTES = (
    Route(
        "GET",
        "/v1/groups",
        "list_groups",
        list_groups,
        "Groups of jobs, the latest first",
        "swap",
        {200: GroupList},
    ),
    Route(
        "GET",
        "/v1/groups/{name}",
        "get_group",
        get_group,
        "How far the jobs of a group are",
        "swap",
        {200: GroupAnswer},
        problems=("unknown-job",),
    ),
    Route(
        "POST",
        "/v1/groups/{name}/cancel",
        "cancel_group",
        cancel_group,
        "Stop every job of a group",
        "swap",
        {200: GroupAnswer},
        problems=("unknown-job",),
    ),
    Route(
        "POST",
        "/v1/groups/{name}/retry",
        "retry_group",
        retry_group,
        "Queue the failed and cancelled jobs of a group again",
        "swap",
        {202: GroupAnswer},
        problems=("unknown-job", "key-unavailable", "queue-full", "too-many-requests"),
    ),
    Route(
        "POST",
        "/v1/groups/{name}/move",
        "move_group",
        move_group,
        "Put what waits of a group before another job",
        "admin",
        {200: GroupAnswer},
        body=MoveJob,
        problems=("bad-request", "unknown-job", "job-finished", "job-unfinished"),
    ),
)
