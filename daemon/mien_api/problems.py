"""Errors as RFC 9457 problems: one table, for a refused request, a failed job and `--json` alike."""

import logging
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mien_api import errors as refused
from mien_core import errors
from mien_core.files import name_system_error

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """How one kind of error leaves the daemon."""

    status: int
    title: str


PROBLEMS: dict[type[errors.MienError], ProblemRow] = {
    errors.BadRequest: ProblemRow(400, "The request is malformed"),
    errors.InvalidImage: ProblemRow(415, "This is not a picture that Mien reads"),
    errors.ImageTooLarge: ProblemRow(422, "The picture is too large"),
    errors.UnsupportedClip: ProblemRow(415, "This is not a clip that Mien can edit"),
    errors.HdrClip: ProblemRow(422, "The clip is of high dynamic range"),
    errors.ClipTooLong: ProblemRow(422, "The clip is too long"),
    errors.InvalidOptions: ProblemRow(422, "An option has no such name or no such value"),
    errors.UnknownEngine: ProblemRow(422, "There is no engine of that name"),
    errors.OutputIsInput: ProblemRow(422, "The result would take the place of a file that is read"),
    errors.NoFaceFound: ProblemRow(422, "No face was found in a picture"),
    errors.SeveralFaces: ProblemRow(422, "The reference shows more than one person"),
    errors.ReferenceGlasses: ProblemRow(422, "Dark glasses hide the reference's eyes"),
    errors.TooManyPictures: ProblemRow(422, "There are more pictures of one person than are read"),
    errors.ModelNotInstalled: ProblemRow(409, "A model is not installed"),
    errors.UnknownModel: ProblemRow(404, "There is no model of that name"),
    errors.LicenceNotAccepted: ProblemRow(409, "A licence has to be read and accepted first"),
    errors.GatedModel: ProblemRow(409, "The model's source wants to know who you are"),
    errors.Offline: ProblemRow(409, "The network is switched off"),
    errors.DownloadFailed: ProblemRow(502, "A download failed"),
    errors.ChecksumMismatch: ProblemRow(502, "A file is not what its checksum says"),
    errors.BrokenWeights: ProblemRow(409, "A weight file does not hold its network"),
    errors.ImportRefused: ProblemRow(422, "A file was not taken into the model store"),
    errors.InvalidCatalogue: ProblemRow(422, "The catalogue of models is not valid"),
    errors.ContentBlocked: ProblemRow(422, "The content check stopped this picture"),
    errors.CheckUnavailable: ProblemRow(503, "The content check could not run, so nothing else may"),
    errors.MarkingFailed: ProblemRow(500, "The result could not be marked, so it is not delivered"),
    errors.ConsentRequired: ProblemRow(422, "A reference needs the statement that allows its use"),
    errors.UnknownReference: ProblemRow(404, "There is no such reference"),
    errors.LastPicture: ProblemRow(409, "This is the reference's only picture"),
    errors.KeyUnavailable: ProblemRow(503, "A key that is needed is locked away or gone"),
    errors.WrongPassphrase: ProblemRow(422, "The passphrase does not open this file"),
    errors.BackupRefused: ProblemRow(422, "This file is not a whole backup of the reference library"),
    errors.DiskFull: ProblemRow(507, "The disk is too full"),
    errors.OutputNotWritable: ProblemRow(422, "A file or a folder cannot be written"),
    errors.OutputExists: ProblemRow(409, "A file of that name is there already"),
    errors.OutputBusy: ProblemRow(409, "Another run writes into this folder"),
    errors.StoreNotWritable: ProblemRow(507, "The models folder cannot be written to"),
    errors.DiskFailed: ProblemRow(503, "The disk or the system refused a file"),
    errors.GpuOutOfMemory: ProblemRow(503, "The accelerator has too little free memory"),
    errors.NotEnoughMemory: ProblemRow(409, "This machine has too little memory for that"),
    errors.EngineUnavailable: ProblemRow(409, "The engine's libraries are not installed"),
    errors.EngineOutdated: ProblemRow(409, "The engine's environment is of another version"),
    errors.LibraryMissing: ProblemRow(409, "A library of the system is missing"),
    errors.ClusterRefused: ProblemRow(409, "This cluster is given nothing"),
    errors.DaemonUnreachable: ProblemRow(503, "The daemon does not answer"),
    errors.Cancelled: ProblemRow(409, "The person stopped it"),
    refused.RequestTooLarge: ProblemRow(413, "The request has too many bytes"),
    refused.UnsupportedMediaType: ProblemRow(415, "This route does not take such content"),
    refused.RequestTimeout: ProblemRow(408, "The request came too slowly"),
    refused.RangeNotSatisfiable: ProblemRow(416, "There is nothing in that range"),
    refused.DigestMismatch: ProblemRow(422, "The bytes are not what their name says"),
    refused.IdempotencyKeyReused: ProblemRow(422, "That idempotency key was used for another request"),
    refused.WrongHost: ProblemRow(421, "The Host line names another server"),
    refused.ForeignOrigin: ProblemRow(403, "Another site may not ask this"),
    refused.Unpaired: ProblemRow(401, "A valid token is needed"),
    refused.WrongScope: ProblemRow(403, "This token is for something else"),
    refused.PairingClosed: ProblemRow(403, "Pairing is not open"),
    refused.UnknownRoute: ProblemRow(404, "There is nothing at this path"),
    refused.MethodNotAllowed: ProblemRow(405, "This path has no such method"),
    refused.UnknownBlob: ProblemRow(404, "There is no such picture here"),
    refused.UnknownJob: ProblemRow(404, "There is no such job"),
    refused.UnknownClient: ProblemRow(404, "There is no such client"),
    refused.JobExpired: ProblemRow(410, "The result was kept for its time and is gone"),
    refused.ResultDamaged: ProblemRow(410, "The result was damaged on the disk"),
    refused.QueueFull: ProblemRow(429, "The queue is full"),
    refused.TooManyRequests: ProblemRow(429, "Too many requests"),
    refused.JobFinished: ProblemRow(409, "The job has finished"),
    refused.JobUnfinished: ProblemRow(409, "The job has not finished"),
    refused.WorkerDied: ProblemRow(500, "The worker process died while it did this"),
    refused.AlreadyRunning: ProblemRow(409, "A daemon is already running on this state folder"),
    refused.PortInUse: ProblemRow(409, "The port is taken by another program"),
    refused.StateTooNew: ProblemRow(409, "The state folder belongs to a later version of Mien"),
    refused.StateBusy: ProblemRow(503, "Another program has locked Mien's database"),
    refused.StateUnavailable: ProblemRow(503, "Mien's state folder cannot be used"),
}
INTERNAL = ProblemRow(500, "Something went wrong inside Mien")

# Codes of errors that ask for a wait, and the seconds to say when the error does not know better.
RETRY_AFTER_S = {
    "queue-full": 10,
    "too-many-requests": 20,
    "gpu-out-of-memory": 30,
    "check-unavailable": 30,
    "state-busy": 2,
    "state-unavailable": 10,
}


def row_for(error: Exception) -> ProblemRow:
    """The most specific row wins; an unexpected error is `internal-error`."""
    for kind in type(error).__mro__:
        if issubclass(kind, errors.MienError) and kind in PROBLEMS:
            return PROBLEMS[kind]
    return INTERNAL


def problem_for(error: Exception) -> dict[str, object]:
    """The problem document of an error.

    What the system refused, such as a write to a full disk, is named. An unexpected error gets an `incident` number;
    the log has the traceback under that number, the document never does.
    """
    if refusal := name_system_error(error):
        log.error("the system refused", exc_info=error)
        error = refusal
    row = row_for(error)
    if row is INTERNAL or not isinstance(error, errors.MienError):
        incident = secrets.token_hex(4)
        log.error("incident %s", incident, exc_info=error)
        return document("internal-error", INTERNAL, "", {"incident": incident})
    return document(error.code, _narrowed(row, error), str(error), error.fields)


def document(code: str, row: ProblemRow, detail: str, fields: Mapping[str, object]) -> dict[str, object]:
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


def _narrowed(row: ProblemRow, error: errors.MienError) -> ProblemRow:
    """Too many bytes is the request's own size (413); too many pixels is what the request describes (422)."""
    if isinstance(error, errors.ImageTooLarge) and "limit_bytes" in error.fields:
        return ProblemRow(413, row.title)
    return row


def kinds(root: type[errors.MienError] = errors.MienError) -> Iterator[type[errors.MienError]]:
    """Every error below `root` in the tree."""
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)


_KINDS = {kind.code: kind for kind in kinds() if "code" in vars(kind)}
