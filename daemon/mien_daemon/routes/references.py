"""The reference library: add a face with a consent, list, change, export and withdraw."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, cast

from aiohttp import web
from pydantic import AwareDatetime, ConfigDict, Field

from mien_core.errors import MienError
from mien_daemon import keys
from mien_daemon.http.body import read_json, read_query, reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import DIGEST, Answer, Body, PersonsName, Picture
from mien_daemon.pictures.blobs import digest_of
from mien_daemon.references.admission import THUMBNAIL_SIDE, blame_the_reference, require_one_face, square_around
from mien_daemon.references.consent import DEFAULT_PERIOD, STATEMENTS, Consent
from mien_daemon.references.records import KeptPicture, Record, describe
from mien_pipeline.options import MOST_PICTURES

log = logging.getLogger(__name__)

JOBS_PAGE = 100


Pictures = Annotated[
    Picture | Annotated[list[Picture], Field(min_length=1, max_length=MOST_PICTURES)],
    Field(description="One picture of the person, or a list of several; each shows that person alone."),
]


class NewReference(Body):
    """A face and the statement that allows its use, which is about every picture."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"picture": DIGEST, "name": "Ann", "basis": "self", "adult": True}]}
    )

    picture: Pictures
    name: PersonsName
    basis: str = Field(default="", description=f"{' or '.join(STATEMENTS)}; without one nothing is kept.")
    adult: bool = Field(default=False, description="That the person is an adult; without it nothing is kept.")
    expires_at: AwareDatetime | None = Field(None, description="A year from now when it is left out; null is never.")


class ChangedReference(Body):
    """Another name, or another end of the consent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ann B."}]})

    name: PersonsName | None = None
    expires_at: AwareDatetime | None = Field(None, description="Null is never.")


class ReferenceAnswer(Answer):
    """One face. Scope `swap` sees the id and the name only."""

    id: str = Field(examples=["0f1e2d3c4b5a6978"])
    name: str
    basis: str | None = None
    given_at: str | None = None
    expires_at: str | None = None
    usable: bool = Field(default=True, description="False once the consent has ended.")
    pictures: list[str] | None = Field(None, description="The ids of the person's pictures, the first added first.")


class ReferenceList(Answer):
    references: list[ReferenceAnswer]


class ExportedPicture(Answer):
    id: str
    picture: str = Field(description="Base64 of the picture as it was added.")


class ReferenceExport(Answer):
    """Everything that is kept of one person."""

    id: str
    label: str
    basis: str
    adult: bool
    statement: str = Field(description="The version of the words that were confirmed.")
    statement_text: str
    given_at: str
    expires_at: str | None
    pictures: list[ExportedPicture]


class ForgottenReferences(Answer):
    references: int
    results: int = Field(description="Jobs that were deleted with their results.")


class WithResults(Body):
    results: bool = Field(default=False, description="Also delete every job made with it, and its result.")


def show(record: Record, *, fully: bool) -> ReferenceAnswer:
    if not fully:
        return ReferenceAnswer(id=record.id, name=record.consent.label, pictures=None)
    return ReferenceAnswer.model_validate(describe(record))


async def list_references(request: web.Request) -> web.Response:
    records = await asyncio.to_thread(request.app[keys.REFERENCES].library.records)
    fully = request[keys.CLIENT].may("admin")
    return reply(
        ReferenceList(
            references=[show(record, fully=fully) for record in records if fully or not record.consent.is_over]
        )
    )


async def add_reference(request: web.Request) -> web.Response:
    body = await read_json(request, NewReference)
    named_end = "expires_at" in body.model_fields_set
    consent = Consent.given(
        body.name,
        body.basis,
        adult=body.adult,
        expires_at=body.expires_at if named_end else datetime.now(UTC) + DEFAULT_PERIOD,
    )
    kept = await take_pictures(request, body.picture)
    record = await asyncio.to_thread(request.app[keys.REFERENCES].library.add, kept, consent)
    await drop_pictures(request, body.picture)
    return reply(show(record, fully=True), 201, {"Location": f"/v1/references/{record.id}"})


async def take_pictures(request: web.Request, names: str | list[str]) -> list[KeptPicture]:
    """Pictures that were sent, each of which shows one face, with thumbnails of it.

    Raises:
        UnknownBlob, InvalidImage, ImageTooLarge, ContentBlocked, NoFaceFound, SeveralFaces: `blob` says which picture.
    """
    blobs, client, kept = request.app[keys.BLOBS], request[keys.CLIENT], list[KeptPicture]()
    for name in to_list(names):
        try:
            digest = digest_of(name)
            await blobs.require(digest, client, "picture")
            await blobs.inspect(digest, client)
            path = blobs.path(digest)
            with blame_the_reference():
                face = require_one_face(await request.app[keys.WORKERS].find_faces(str(path)))
            thumbnail = await request.app[keys.PREVIEWS].make_part(path, head_of(face), THUMBNAIL_SIDE, client)
        except MienError as error:
            error.fields.setdefault("blob", name)
            raise
        kept.append(KeptPicture(await asyncio.to_thread(path.read_bytes), thumbnail))
    return kept


def head_of(face: Mapping[str, object]) -> tuple[float, float, float, float]:
    """The part of a picture that shows the head, around a face as the worker describes it."""
    return square_around(cast("Sequence[float]", face["bbox"]))


async def drop_pictures(request: web.Request, names: str | list[str]) -> None:
    """Delete what the library has taken: the only copies that are kept are the sealed ones."""
    request.app[keys.PREVIEWS].forget_all()
    try:
        for name in to_list(names):
            await request.app[keys.BLOBS].drop(digest_of(name))
    except Exception:
        log.exception("the picture of a new reference could not be deleted; the next sweep does it")


def to_list(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


async def export_reference(request: web.Request) -> web.Response:
    library = request.app[keys.REFERENCES].library
    return reply(ReferenceExport.model_validate(await asyncio.to_thread(library.export, request.match_info["id"])))


async def change_reference(request: web.Request) -> web.Response:
    body = await read_json(request, ChangedReference)
    library, reference = request.app[keys.REFERENCES].library, request.match_info["id"]

    def edit(consent: Consent) -> Consent:
        if body.name is not None:
            consent = consent.named(body.name)
        return consent.until(body.expires_at) if "expires_at" in body.model_fields_set else consent

    return reply(show(await asyncio.to_thread(library.change, reference, edit), fully=True))


async def get_reference_thumbnail(request: web.Request) -> web.Response:
    """A face whose consent has ended is shown to no client; the consent can be given anew."""
    library, reference = request.app[keys.REFERENCES].library, request.match_info["id"]
    await asyncio.to_thread(library.usable, reference)
    thumbnail = await asyncio.to_thread(library.thumbnail, reference)
    return web.Response(body=thumbnail, content_type="image/jpeg")


async def withdraw_reference(request: web.Request) -> web.Response:
    reference = request.match_info["id"]
    with_results = read_query(request, WithResults).results
    references = request.app[keys.REFERENCES]
    await asyncio.to_thread(references.library.withdraw, reference)
    references.forget_in_memory()
    request.app[keys.PREVIEWS].forget_all()
    if with_results:
        await delete_jobs_made_with(request, f"ref:{reference}")
    return web.Response(status=204)


async def forget_references(request: web.Request) -> web.Response:
    with_results = read_query(request, WithResults).results
    references = request.app[keys.REFERENCES]
    gone = await asyncio.to_thread(references.library.forget_all)
    references.forget_in_memory()
    request.app[keys.PREVIEWS].forget_all()
    results = await delete_jobs_made_with(request, "ref:") if with_results else 0
    return reply(ForgottenReferences(references=gone, results=results))


async def delete_jobs_made_with(request: web.Request, reference: str) -> int:
    """Delete every job whose references begin so; returns how many there were."""
    queue, client = request.app[keys.QUEUE], request[keys.CLIENT]
    before, gone = None, 0
    while jobs := await queue.page(client, (), before, JOBS_PAGE):
        before = jobs[-1].number
        for job in jobs:
            if any(name.startswith(reference) for person in job.ask.references for name in person):
                await queue.delete(client, job.id)
                gone += 1
    return gone


ROUTES = (
    Route(
        "GET",
        "/v1/references",
        "list_references",
        list_references,
        "The faces that may be used; names alone for scope swap",
        "swap",
        {200: ReferenceList},
        problems=("unknown-reference", "key-unavailable"),
    ),
    Route(
        "POST",
        "/v1/references",
        "add_reference",
        add_reference,
        "Keep a face, sealed, with the consent to use it",
        "faces",
        {201: ReferenceAnswer},
        body=NewReference,
        problems=(
            "bad-request",
            "consent-required",
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
        "DELETE",
        "/v1/references",
        "forget_references",
        forget_references,
        "Shred the whole library",
        "admin",
        {200: ForgottenReferences},
        query=WithResults,
        problems=("bad-request", "key-unavailable"),
    ),
    Route(
        "GET",
        "/v1/references/{id}",
        "export_reference",
        export_reference,
        "Everything that is kept of one person, for that person",
        "admin",
        {200: ReferenceExport},
        problems=("unknown-reference", "key-unavailable"),
    ),
    Route(
        "PATCH",
        "/v1/references/{id}",
        "change_reference",
        change_reference,
        "Another name, or another end of the consent",
        "admin",
        {200: ReferenceAnswer},
        body=ChangedReference,
        problems=("bad-request", "consent-required", "unknown-reference", "key-unavailable"),
    ),
    Route(
        "DELETE",
        "/v1/references/{id}",
        "withdraw_reference",
        withdraw_reference,
        "Withdraw a consent and shred the face",
        "admin",
        {204: None},
        query=WithResults,
        problems=("bad-request", "unknown-reference", "key-unavailable"),
    ),
    Route(
        "GET",
        "/v1/references/{id}/thumbnail",
        "get_reference_thumbnail",
        get_reference_thumbnail,
        "A face of the library, small",
        "swap",
        {200: "image/jpeg"},
        problems=("unknown-reference", "key-unavailable"),
    ),
)
