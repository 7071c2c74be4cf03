"""Errors as RFC 9457 problems: one table, for a refused request, a failed job and `--json` alike."""

import logging
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mien_api import errors as refused
from mien_core import errors

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """How one kind of error leaves the daemon."""

    status: int
    title: str


PROBLEMS: dict[type[errors.MienError], Row] = {
    errors.BadRequest: Row(400, "The request is malformed"),
    errors.InvalidImage: Row(415, "This is not a picture that Mien reads"),
    errors.ImageTooLarge: Row(422, "The picture is too large"),
    errors.InvalidOptions: Row(422, "An option has no such name or no such value"),
    errors.UnknownEngine: Row(422, "There is no engine of that name"),
    errors.NoFaceFound: Row(422, "No face was found in a picture"),
    errors.SeveralFaces: Row(422, "The reference shows more than one person"),
    errors.ModelNotInstalled: Row(409, "A model is not installed"),
    errors.UnknownModel: Row(404, "There is no model of that name"),
    errors.LicenceNotAccepted: Row(409, "A licence has to be read and accepted first"),
    errors.GatedModel: Row(409, "The model's source wants to know who you are"),
    errors.Offline: Row(409, "The network is switched off"),
    errors.DownloadFailed: Row(502, "A download failed"),
    errors.ChecksumMismatch: Row(502, "A file is not what its checksum says"),
    errors.BrokenWeights: Row(409, "A weight file does not hold its network"),
    errors.ImportRefused: Row(422, "A file was not taken into the model store"),
    errors.InvalidCatalogue: Row(422, "The catalogue of models is not valid"),
    errors.ContentBlocked: Row(422, "The content check stopped this picture"),
    errors.CheckUnavailable: Row(503, "The content check could not run, so nothing else may"),
    errors.MarkingFailed: Row(500, "The result could not be marked, so it is not delivered"),
    errors.ConsentRequired: Row(422, "A reference needs the statement that allows its use"),
    errors.UnknownReference: Row(404, "There is no such reference"),
    errors.DiskFull: Row(507, "The disk is too full"),
    errors.OutputNotWritable: Row(422, "A file or a folder cannot be written"),
    errors.StoreNotWritable: Row(507, "The models folder cannot be written to"),
    errors.GpuOutOfMemory: Row(503, "The accelerator has too little free memory"),
    errors.NotEnoughMemory: Row(409, "This machine has too little memory for that"),
    errors.EngineUnavailable: Row(409, "The engine's libraries are not installed"),
    errors.DaemonUnreachable: Row(503, "The daemon does not answer"),
    errors.Cancelled: Row(409, "The person stopped it"),
    refused.RequestTooLarge: Row(413, "The request has too many bytes"),
    refused.UnsupportedMediaType: Row(415, "This route does not take such content"),
    refused.RequestTimeout: Row(408, "The request came too slowly"),
    refused.RangeNotSatisfiable: Row(416, "There is nothing in that range"),
    refused.DigestMismatch: Row(422, "The bytes are not what their name says"),
    refused.IdempotencyKeyReused: Row(422, "That idempotency key was used for another request"),
    refused.WrongHost: Row(421, "The Host line names another server"),
    refused.ForeignOrigin: Row(403, "Another site may not ask this"),
    refused.Unpaired: Row(401, "A valid token is needed"),
    refused.WrongScope: Row(403, "This token is for something else"),
    refused.PairingClosed: Row(403, "Pairing is not open"),
    refused.UnknownRoute: Row(404, "There is nothing at this path"),
    refused.MethodNotAllowed: Row(405, "This path has no such method"),
    refused.UnknownBlob: Row(404, "There is no such picture here"),
    refused.UnknownJob: Row(404, "There is no such job"),
    refused.UnknownClient: Row(404, "There is no such client"),
    refused.JobExpired: Row(410, "The result was kept for its time and is gone"),
    refused.QueueFull: Row(429, "The queue is full"),
    refused.TooManyRequests: Row(429, "Too many requests"),
    refused.JobFinished: Row(409, "The job has finished"),
    refused.JobUnfinished: Row(409, "The job has not finished"),
    refused.WorkerDied: Row(500, "The worker process died while it did this"),
    refused.AlreadyRunning: Row(409, "A daemon is already running on this state folder"),
    refused.PortInUse: Row(409, "The port is taken by another program"),
    refused.StateTooNew: Row(409, "The state folder belongs to a later version of Mien"),
}
INTERNAL = Row(500, "Something went wrong inside Mien")

# Codes of errors that ask for a wait, and the seconds to say when the error does not know better.
RETRY_AFTER_S = {"queue-full": 10, "too-many-requests": 20, "gpu-out-of-memory": 30, "check-unavailable": 30}


def row_for(error: Exception) -> Row:
    """The most specific row wins; an unexpected error is `internal-error`."""
    for kind in type(error).__mro__:
        if issubclass(kind, errors.MienError) and kind in PROBLEMS:
            return PROBLEMS[kind]
    return INTERNAL


def problem_for(error: Exception) -> dict[str, object]:
    """The problem document of an error.

    An unexpected error gets an `incident` number; the log has the traceback under that number,
    the document never does.
    """
    row = row_for(error)
    if row is INTERNAL or not isinstance(error, errors.MienError):
        incident = secrets.token_hex(4)
        log.error("incident %s", incident, exc_info=error)
        return document("internal-error", INTERNAL, "", {"incident": incident})
    return document(error.code, _narrowed(row, error), str(error), error.fields)


def document(code: str, row: Row, detail: str, fields: Mapping[str, object]) -> dict[str, object]:
    """A problem document; `fields` never overwrite its own members."""
    members: dict[str, object] = {
        "type": f"urn:mien:problem:{code}",
        "title": row.title,
        "status": row.status,
        "code": code,
    }
    if detail:
        members["detail"] = detail
    return {**fields, **members}


def statuses(code: str) -> tuple[int, ...]:
    """The statuses that a code may come with."""
    if code == "image-too-large":
        return (413, 422)
    kind = _KINDS.get(code)
    return (PROBLEMS[kind].status if kind in PROBLEMS else INTERNAL.status,)


def error_for(problem: Mapping[str, object]) -> errors.MienError:
    """The error that a problem document describes, so that a client fails as the daemon did."""
    kind = _KINDS.get(str(problem.get("code")), errors.MienError)
    known = {"type", "title", "status", "code", "detail"}
    fields = {name: value for name, value in problem.items() if name not in known}
    return kind(str(problem.get("detail") or problem.get("title") or "the daemon refused"), **fields)


def _narrowed(row: Row, error: errors.MienError) -> Row:
    """Too many bytes is the request's own size (413); too many pixels is what the request describes (422)."""
    if isinstance(error, errors.ImageTooLarge) and "limit_bytes" in error.fields:
        return Row(413, row.title)
    return row


def kinds(root: type[errors.MienError] = errors.MienError) -> Iterator[type[errors.MienError]]:
    """Every error below `root` in the tree."""
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)


_KINDS = {kind.code: kind for kind in kinds() if "code" in vars(kind)}
