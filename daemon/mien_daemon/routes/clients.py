"""List, rename and revoke clients; make tokens for scripts."""

from aiohttp import web

from mien_api.errors import WrongScope
from mien_daemon import keys
from mien_daemon.access.clients import Client
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.client_schemas import ChangeClient, ClientAnswer, ClientList, NewToken, TokenAnswer
from mien_daemon.http.route import Route
from mien_daemon.jobs.job import format_time
from mien_daemon.state.clock import StateClock


def show(client: Client, clock: StateClock) -> ClientAnswer:
    scopes = sorted(client.scopes)
    created, seen = format_time(clock.show(client.created_at)), format_time(clock.show(client.last_seen))
    return ClientAnswer(
        id=client.id, name=client.name, scopes=scopes, origin=client.origin, created_at=created, last_seen=seen
    )


async def list_clients(request: web.Request) -> web.Response:
    clock = request.app[keys.DATABASE].clock
    return reply(ClientList(clients=[show(client, clock) for client in request.app[keys.CLIENTS].list_all()]))


async def rename_client(request: web.Request) -> web.Response:
    """Rename a client, or let it open the console: only this user's own programs may widen what a browser may do."""
    body = await read_json(request, ChangeClient)
    if body.console and not request[keys.CLIENT].may("local"):
        raise WrongScope("only this user's own programs may allow this", needs="local")
    clients, client_id = request.app[keys.CLIENTS], request.match_info["id"]
    changed = clients.get(client_id)
    if body.console is not None:
        changed = await clients.allow_console(client_id, allowed=body.console)
        if not body.console:
            await request.app[keys.CONSOLE_SESSIONS].forget_granted(client_id)
    if body.name is not None:
        changed = await clients.rename(client_id, body.name)
    return reply(show(changed, request.app[keys.DATABASE].clock))


async def revoke_client(request: web.Request) -> web.Response:
    """Revoke any client with scope admin, only oneself without."""
    client_id = request.match_info["id"]
    if not request[keys.CLIENT].sees(client_id):
        raise WrongScope("this token may revoke only itself", needs="admin")
    try:
        await request.app[keys.CLIENTS].revoke(client_id)
    finally:  # it is refused at once, even where the disk cannot say so yet
        await request.app[keys.CONSOLE_SESSIONS].forget_granted(client_id)
    return web.Response(status=204)


async def create_token(request: web.Request) -> web.Response:
    body = await read_json(request, NewToken)
    client, token = await request.app[keys.CLIENTS].create_token(body.name, [body.scope])
    return reply(TokenAnswer(id=client.id, token=token, scope=body.scope), 201)


ROUTES = (
    Route(
        "GET", "/v1/clients", "list_clients", list_clients, "Every token and paired browser", "admin", {200: ClientList}
    ),
    Route(
        "PATCH",
        "/v1/clients/{id}",
        "rename_client",
        rename_client,
        "Give a client another name, or let a paired browser open the console",
        "admin",
        {200: ClientAnswer},
        body=ChangeClient,
        problems=("bad-request", "unknown-client", "wrong-scope"),
    ),
    Route(
        "DELETE",
        "/v1/clients/{id}",
        "revoke_client",
        revoke_client,
        "Refuse a client from now on; without scope admin only oneself",
        "swap",
        {204: None},
        problems=("unknown-client", "wrong-scope"),
    ),
    Route(
        "POST",
        "/v1/tokens",
        "create_token",
        create_token,
        "A named token for a script, shown once",
        "admin",
        {201: TokenAnswer},
        body=NewToken,
        problems=("bad-request",),
    ),
)
