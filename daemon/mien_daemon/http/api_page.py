"""The contract as a page to read: Markdown from the routes, `daemon/API.md`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from pydantic import BaseModel

from mien_api.problems import statuses
from mien_daemon.access.connections import MOST_OF_A_CLIENT, MOST_STRANGERS
from mien_daemon.access.connections import SILENT_S as IDLE_S
from mien_daemon.access.shares import LOCAL_TIMES, READ_AT_A_TIME, STREAMS, UPLOADS, WAITS
from mien_daemon.downloads import MOST_OPEN as TRANSFERS
from mien_daemon.http.openapi import (
    SHARED,
    SHARED_WITH_JSON,
    SHARED_WITH_TOKEN,
    Schema,
    describe,
    describe_setting,
    shared_codes,
)
from mien_daemon.http.route import Content, Route
from mien_daemon.jobs.admission import CLIENTS_SHARE, KEPT_SHARE
from mien_daemon.pictures.blobs import STORED_TIMES
from mien_daemon.pictures.previews import MOST_WAITING as PICTURES
from mien_daemon.pictures.verifier import MOST_WAITING as VERIFIED

HEAD = """\
# The daemon's API

Generated from the routes by `python -m mien_daemon.routes > daemon/API.md`; a test compares this page with the routes.
`GET /v1/openapi.json` has the same contract for programs, with every field of every body and answer.

A request with a scope needs `Authorization: Bearer TOKEN`. The scopes are `swap`, `models`, `admin`, which includes the
two before it, and `local`, which only this user's own programs have, through `daemon.json`. A refusal is an RFC 9457
problem document; its `code` is for programs and is never renamed. These codes are not repeated below:

"""


SHARES = f"""\

**Shares.** Every client has a share of what all of them need. A full one is refused with 429, `Retry-After` and its
name in `share`; what other clients do is not hindered by it. This user's own programs (scope `local`) have
{LOCAL_TIMES} times as much, all of the queue, and of the disk what its headroom leaves.

| Share of one client | |
|---|---|
| `client`: places in the queue (`queue-full`) | `max_queued` / {CLIENTS_SHARE} |
| `clients`: places of all but this user's own programs (`queue-full`) | `max_queued` − `max_queued` / {KEPT_SHARE} |
| `pictures being read`: headers and previews that are asked for at a time | {PICTURES} |
| `pictures being verified`, one after the other | {VERIFIED} |
| `uploads at a time` | {UPLOADS} |
| `swaps in one request` that are being read; {READ_AT_A_TIME} of all clients' at a time | {UPLOADS} |
| `stored pictures`: bytes of pictures that are kept for it | {STORED_TIMES} × `max_blob_bytes` + `max_clip_bytes` |
| `event streams` | {STREAMS} |
| `waiting requests` (`?wait=`) | {WAITS} |
| `transfers of models` that have not ended | {TRANSFERS} |
| `connections` | {MOST_OF_A_CLIENT} |

Connections that have shown no token share {MOST_STRANGERS}: the one that has waited longest is closed for a new
one. One that is silent for {IDLE_S:.0f} s, or is that long about its header, is closed.
"""


def render_page(routes: Iterable[Route], port: int) -> str:
    """The whole page, routes grouped by noun."""
    routes = sorted(routes, key=lambda route: (route.noun, route.path, route.method))
    document = describe(routes, port)
    parts = [HEAD, *_shared_codes(), SHARES]
    for noun, group in groupby(routes, key=lambda route: route.noun):
        parts.append(f"\n## {noun}\n")
        parts.extend(_section(route, document) for route in group)
    return "".join(parts)


def _shared_codes() -> Iterator[str]:
    for when, codes in (
        ("on every route", SHARED),
        ("on every route with a scope", SHARED_WITH_TOKEN),
        ("on every route with a JSON body", SHARED_WITH_JSON),
    ):
        yield f"- {when}: {_codes(codes)}\n"


def _section(route: Route, document: Schema) -> str:
    """One route: what it does, what it takes, what it answers, why it may refuse, and a request."""
    operation = document["paths"][route.path][route.method.lower()]
    scope = f"scope `{route.scope}`" if route.scope else "no token"
    said = f"{route.summary}. Operation `{route.operation_id}`, {scope}.{describe_setting(route)}"
    lines = [f"\n### `{route.method} {route.path}`\n", f"{said}\n"]
    lines += [f"- {_parameter(each)}" for each in operation.get("parameters", ()) if each["in"] != "path"]
    if route.body is not None:
        lines.append(f"- body: {_content(route.body)}")
    answers = (f"{status} {_content(content)}" for status, content in route.answers.items())
    lines.append(f"- answers: {', '.join(answers)}")
    if own := set(route.problems) - shared_codes(route):
        lines.append(f"- problems: {_codes(own)}")
    return "\n".join([*lines, "", "```http", *_example(route, operation, document), "```", ""])


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    default = f", by default {json.dumps(schema['default'])}" if schema.get("default") is not None else ""
    meaning = parameter.get("description") or schema.get("description")
    return f"{parameter['in']} `{parameter['name']}`{default}" + (f": {meaning.rstrip('.')}" if meaning else "")


def _content(content: Content | tuple[Content, ...] | None) -> str:
    if content is None:
        return "without a body"
    return " or ".join(
        f"`{each if isinstance(each, str) else each.__name__}`"
        for each in (content if isinstance(content, tuple) else (content,))
    )


def _codes(codes: Iterable[str]) -> str:
    return ", ".join(f"`{code}` {'/'.join(str(status) for status in statuses(code))}" for code in sorted(codes))


def _example(route: Route, operation: Schema, document: Schema) -> Iterator[str]:
    """A request as it goes over the wire, without Host and Content-Length."""
    filled = {each["name"]: each["example"] for each in operation.get("parameters", ()) if each["in"] == "path"}
    yield f"{route.method} {route.path.format_map(filled)}"
    if route.scope is not None:
        yield "Authorization: Bearer TOKEN"
    if isinstance(route.body, tuple):
        yield f"Content-Type: {route.body[0]}"
    elif route.body is not None:
        yield "Content-Type: application/json"
        yield ""
        yield json.dumps(_first_example(route.body, document))


def _first_example(body: type[BaseModel], document: Schema) -> Any:
    waiting: list[Schema] = [document["components"]["schemas"][body.__name__]]
    while waiting:
        schema = waiting.pop(0)
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if examples := schema.get("examples"):
            return examples[0]
        waiting += schema.get("oneOf") or schema.get("anyOf") or []
    raise LookupError(f"{body.__name__} has no example")
