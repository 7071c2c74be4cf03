"""The pictures of one person in the reference library: add, look at, remove."""

import asyncio

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_daemon import keys
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import DIGEST, Body
from mien_daemon.references.consent import STATEMENTS, Consent
from mien_daemon.routes.references import Pictures, ReferenceAnswer, drop_pictures, show, take_pictures


class NewPictures(Body):
    """Further pictures of a person, and the statement that allows their use."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"picture": [DIGEST], "basis": "self", "adult": True}]})

    picture: Pictures
    basis: str = Field(default="", description=f"{' or '.join(STATEMENTS)}: that of the pictures that are there.")
    adult: bool = Field(default=False, description="That the person is an adult; without it nothing is kept.")


async def add_reference_pictures(request: web.Request) -> web.Response:
    body = await read_json(request, NewPictures)
    library, reference = request.app[keys.REFERENCES].library, request.match_info["id"]
    consent = Consent.given("", body.basis, adult=body.adult, expires_at=None)
    (await asyncio.to_thread(library.usable, reference)).consent.require_same_basis(consent)
    kept = await take_pictures(request, body.picture)
    record = await asyncio.to_thread(library.add_pictures, reference, kept, consent)
    await drop_pictures(request, body.picture)
    return reply(show(record, fully=True), 201)


async def remove_reference_picture(request: web.Request) -> web.Response:
    """The worker forgets the person: it may have the picture prepared."""
    references = request.app[keys.REFERENCES]
    named = request.match_info["id"], request.match_info["picture"]
    record = await asyncio.to_thread(references.library.remove_picture, *named)
    references.forget_in_memory()
    request.app[keys.PREVIEWS].forget_all()
    return reply(show(record, fully=True))


async def get_reference_picture(request: web.Request) -> web.Response:
    """As the person's first picture: once the consent has ended it is shown to no client."""
    library, reference = request.app[keys.REFERENCES].library, request.match_info["id"]
    await asyncio.to_thread(library.usable, reference)
    thumbnail = await asyncio.to_thread(library.thumbnail, reference, request.match_info["picture"])
    return web.Response(body=thumbnail, content_type="image/jpeg")


ROUTES = (
    Route(
        "POST",
        "/v1/references/{id}/pictures",
        "add_reference_pictures",
        add_reference_pictures,
        "Keep further pictures of a person, sealed",
        "admin",
        {201: ReferenceAnswer},
        body=NewPictures,
        problems=(
            "bad-request",
            "consent-required",
            "unknown-reference",
            "too-many-pictures",
            "key-unavailable",
            "unknown-blob",
            "invalid-image",
            "image-too-large",
            "too-many-requests",
            "no-face-found",
            "several-faces",
            "content-blocked",
            "check-unavailable",
            "model-not-installed",
            "worker-died",
            "disk-full",
        ),
    ),
    Route(
        "GET",
        "/v1/references/{id}/pictures/{picture}",
        "get_reference_picture",
        get_reference_picture,
        "One picture of a person, small",
        "admin",
        {200: "image/jpeg"},
        problems=("unknown-reference", "key-unavailable"),
    ),
    Route(
        "DELETE",
        "/v1/references/{id}/pictures/{picture}",
        "remove_reference_picture",
        remove_reference_picture,
        "Shred one picture of a person who has others",
        "admin",
        {200: ReferenceAnswer},
        problems=("unknown-reference", "last-picture", "key-unavailable"),
    ),
)
