"""The model store over HTTP: models, downloads, licences, and where every file in use is from."""

from datetime import datetime
from typing import Literal

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_daemon import keys
from mien_daemon.downloads import Transfer
from mien_daemon.http.body import read_json, read_query, reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer, Body
from mien_models.local.licences import LicenceText
from mien_models.local.listing import ModelState, VerifiedFile

Names = list[str]


class ModelList(Answer):
    models: list[ModelState]
    bundles: dict[str, tuple[str, ...]]
    transfers: list[Transfer]


class TransferList(Answer):
    transfers: list[Transfer]


class VerifiedList(Answer):
    files: list[VerifiedFile]


class VerifiedQuery(Body):
    format: Literal["json", "sha256sum"] = "json"


class DownloadQuery(Body):
    bytes_per_s: int | None = Field(default=None, ge=1000, description="At most; pause and go on to change it.")


class VerifyModels(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"names": ["starter"]}]})

    names: Names | None = Field(None, description="Models and bundles; without it, everything that is installed.")


class AcceptLicence(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"sha256": "0f" * 32}]})

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="The digest of the text that was shown.")


class AcceptedLicence(Answer):
    sha256: str
    accepted_at: datetime


class ImportModels(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"path": "/media/stick/mien-models"}]})

    path: str = Field(min_length=1, max_length=4096, description="A folder or a file of this machine.")
    link: bool = Field(False, description="Link what another program keeps there instead of copying it.")


class ExportModels(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"names": ["starter"], "path": "/media/stick/mien-models"}]}
    )

    names: Names = Field(min_length=1)
    path: str = Field(min_length=1, max_length=4096, description="A folder of this machine.")


class ConnectionAnswer(Answer):
    at: str
    host: str
    model: str


class ConnectionList(Answer):
    connections: list[ConnectionAnswer]


async def list_models(request: web.Request) -> web.Response:
    downloads = request.app[keys.DOWNLOADS]
    models = await downloads.in_thread(downloads.store.states)
    bundles = dict(downloads.store.catalogue.bundles)
    return reply(ModelList(models=models, bundles=bundles, transfers=downloads.list_transfers()))


async def get_model(request: web.Request) -> web.Response:
    downloads, name = request.app[keys.DOWNLOADS], request.match_info["name"]
    downloads.store.catalogue.model(name)
    return reply((await downloads.in_thread(lambda: downloads.store.states([name])))[0])


async def download_model(request: web.Request) -> web.Response:
    """Answer 202 whether it is to be fetched or is installed already; a bundle has one transfer for each model."""
    query = read_query(request, DownloadQuery)
    transfers = request.app[keys.DOWNLOADS].download(
        request.match_info["name"], query.bytes_per_s, client=request[keys.CLIENT]
    )
    return reply(TransferList(transfers=transfers), 202)


async def pause_download(request: web.Request) -> web.Response:
    return reply(TransferList(transfers=request.app[keys.DOWNLOADS].stop(request.match_info["name"], "paused")), 202)


async def cancel_download(request: web.Request) -> web.Response:
    transfers = request.app[keys.DOWNLOADS].stop(request.match_info["name"], "cancelled")
    return reply(TransferList(transfers=transfers), 202)


async def remove_model(request: web.Request) -> web.Response:
    await request.app[keys.DOWNLOADS].remove(request.match_info["name"])
    return web.Response(status=204)


async def verify_models(request: web.Request) -> web.Response:
    body = await read_json(request, VerifyModels)
    return reply(
        TransferList(transfers=request.app[keys.DOWNLOADS].verify(body.names, client=request[keys.CLIENT])), 202
    )


async def get_licence(request: web.Request) -> web.Response:
    downloads, name = request.app[keys.DOWNLOADS], request.match_info["name"]
    return reply(await downloads.in_thread(lambda: downloads.store.licence(name)))


async def accept_licence(request: web.Request) -> web.Response:
    body = await read_json(request, AcceptLicence)
    downloads, name = request.app[keys.DOWNLOADS], request.match_info["name"]
    accepted = await downloads.in_thread(lambda: downloads.store.accept_licence(name, body.sha256))
    return reply(AcceptedLicence(sha256=accepted.sha256, accepted_at=accepted.accepted_at))


async def import_models(request: web.Request) -> web.Response:
    body = await read_json(request, ImportModels)
    return reply(
        TransferList(
            transfers=[request.app[keys.DOWNLOADS].import_from(body.path, link=body.link, client=request[keys.CLIENT])]
        ),
        202,
    )


async def export_models(request: web.Request) -> web.Response:
    body = await read_json(request, ExportModels)
    return reply(
        TransferList(
            transfers=[request.app[keys.DOWNLOADS].export_to(body.names, body.path, client=request[keys.CLIENT])]
        ),
        202,
    )


async def list_verified_files(request: web.Request) -> web.Response:
    """Every weight file in use; as text, `sha256sum -c` in the models folder checks it without Mien."""
    query, downloads = read_query(request, VerifiedQuery), request.app[keys.DOWNLOADS]
    if query.format == "sha256sum":
        return web.Response(text=await downloads.in_thread(downloads.store.checksums))
    return reply(VerifiedList(files=await downloads.in_thread(downloads.store.verified_files)))


async def list_connections(request: web.Request) -> web.Response:
    downloads = request.app[keys.DOWNLOADS]
    found = await downloads.in_thread(downloads.store.connections)
    return reply(
        ConnectionList(connections=[ConnectionAnswer(at=one.at, host=one.host, model=one.model) for one in found])
    )


_UNKNOWN = ("unknown-model",)
_SOURCE = (*_UNKNOWN, "offline", "download-failed", "gated-model", "checksum-mismatch")
_ACCEPTED = {202: TransferList}

ROUTES = (
    Route(
        "GET",
        "/v1/models",
        "list_models",
        list_models,
        "Every model, and every download",
        "models",
        {200: ModelList},
    ),
    Route(
        "GET", "/v1/models/{name}", "get_model", get_model, "One model", "models", {200: ModelState}, problems=_UNKNOWN
    ),
    Route(
        "DELETE",
        "/v1/models/{name}",
        "remove_model",
        remove_model,
        "Uninstall a model",
        "models",
        {204: None},
        problems=_UNKNOWN,
    ),
    Route(
        "POST",
        "/v1/models/{name}/download",
        "download_model",
        download_model,
        "Download a model or a bundle, or continue after a pause; joins a download that runs",
        "models",
        _ACCEPTED,
        query=DownloadQuery,
        problems=("too-many-requests", "bad-request", *_UNKNOWN, "licence-not-accepted"),
    ),
    Route(
        "POST",
        "/v1/models/{name}/pause",
        "pause_download",
        pause_download,
        "Pause a download; what has arrived is kept",
        "models",
        _ACCEPTED,
        problems=_UNKNOWN,
    ),
    Route(
        "POST",
        "/v1/models/{name}/cancel",
        "cancel_download",
        cancel_download,
        "Cancel a download; what has arrived is kept until the model is deleted",
        "models",
        _ACCEPTED,
        problems=_UNKNOWN,
    ),
    Route(
        "GET",
        "/v1/models/{name}/licence",
        "get_licence",
        get_licence,
        "The text of the licence, fetched from its source if it is not on the disk",
        "models",
        {200: LicenceText},
        problems=_SOURCE,
    ),
    Route(
        "POST",
        "/v1/models/{name}/licence",
        "accept_licence",
        accept_licence,
        "Record that the text of this digest was read and accepted",
        "models",
        {200: AcceptedLicence},
        body=AcceptLicence,
        problems=("bad-request", *_UNKNOWN, "licence-not-accepted"),
    ),
    Route(
        "POST",
        "/v1/model-store/verify",
        "verify_models",
        verify_models,
        "Hash installed models again; a changed file goes to quarantine",
        "models",
        _ACCEPTED,
        body=VerifyModels,
        problems=("too-many-requests", "bad-request", *_UNKNOWN),
    ),
    Route(
        "POST",
        "/v1/model-store/import",
        "import_models",
        import_models,
        "Copy models from a folder or a stick, or link those of another program",
        "admin",
        _ACCEPTED,
        body=ImportModels,
        problems=(
            "too-many-requests",
            "bad-request",
        ),
    ),
    Route(
        "POST",
        "/v1/model-store/export",
        "export_models",
        export_models,
        "Copy installed models to a folder that can be imported",
        "admin",
        _ACCEPTED,
        body=ExportModels,
        problems=("too-many-requests", "bad-request", *_UNKNOWN),
    ),
    Route(
        "GET",
        "/v1/model-store/connections",
        "list_connections",
        list_connections,
        "The latest connections that left the machine to fetch models",
        "admin",
        {200: ConnectionList},
    ),
    Route(
        "GET",
        "/v1/verify",
        "list_verified_files",
        list_verified_files,
        "Every weight file in use: source, digest, licence, when it was verified",
        "models",
        {200: (VerifiedList, "text/plain")},
        query=VerifiedQuery,
        problems=("bad-request",),
    ),
)
