"""Everything the daemon refuses, beside what the pipeline refuses; imports nothing heavy.

MienError
├── BadRequest                  (pipeline) malformed; here also
│   ├── RequestTooLarge         more bytes than a request of this kind may have
│   ├── UnsupportedMediaType    not the content type this route takes, or an encoded body
│   ├── RequestTimeout          the body came too slowly
│   ├── RangeNotSatisfiable
│   ├── DigestMismatch          the bytes are not what their name says
│   └── IdempotencyKeyReused    the same key with another body
├── AccessError
│   ├── WrongHost               the Host line names another server: a rebound name
│   ├── ForeignOrigin           another site's page is asking
│   ├── Unpaired                no token, or one that is no longer good
│   ├── WrongScope              a good token for something else
│   └── PairingClosed           no pairing window is open, or this pairing is over
├── MissingError
│   ├── UnknownRoute, MethodNotAllowed
│   ├── UnknownBlob, UnknownJob, UnknownClient
│   ├── JobExpired              the job is known, its picture is gone
│   └── ResultDamaged           the job is known, the bytes of its picture are not those that were written
└── StateError
    ├── QueueFull
    ├── TooManyRequests
    ├── JobFinished             what was asked needs a job that has not finished
    ├── JobUnfinished           what was asked needs one that has
    ├── WorkerDied
    ├── AlreadyRunning          another daemon holds the state folder
    ├── PortInUse
    ├── StateTooNew             the state folder was written by a later version
    ├── StateBusy               another program has locked the database
    └── StateUnavailable        the state folder is gone, damaged, unreadable or open to others
"""

from mien_core.errors import BadRequest, MienError


class RequestTooLarge(BadRequest):
    code = "request-too-large"


class UnsupportedMediaType(BadRequest):
    code = "unsupported-media-type"


class RequestTimeout(BadRequest):
    code = "request-timeout"


class RangeNotSatisfiable(BadRequest):
    """`size` is what there is to ask for."""

    code = "range-not-satisfiable"


class DigestMismatch(BadRequest):
    """`expected` and `found` are sha256 names."""

    code = "digest-mismatch"


class IdempotencyKeyReused(BadRequest):
    code = "idempotency-key-reused"


class AccessError(MienError):
    pass


class WrongHost(AccessError):
    code = "wrong-host"


class ForeignOrigin(AccessError):
    code = "foreign-origin"


class Unpaired(AccessError):
    code = "unpaired"


class WrongScope(AccessError):
    """`needs` names the scope."""

    code = "wrong-scope"


class PairingClosed(AccessError):
    """A person opens the window, with `mien pair` or in the tray."""

    code = "pairing-closed"


class MissingError(MienError):
    pass


class UnknownRoute(MissingError):
    code = "unknown-route"


class MethodNotAllowed(MissingError):
    """`allowed` lists the methods there are."""

    code = "method-not-allowed"


class UnknownBlob(MissingError):
    """`field` says which picture of the job, `blob` its name: put it again."""

    code = "unknown-blob"


class UnknownJob(MissingError):
    code = "unknown-job"


class UnknownClient(MissingError):
    code = "unknown-client"


class JobExpired(MissingError):
    code = "job-expired"


class ResultDamaged(MissingError):
    code = "result-damaged"


class StateError(MienError):
    pass


class QueueFull(StateError):
    """`share` says whose places are taken: "client", "clients" or "queue"; `retry_after_s` is a guess."""

    code = "queue-full"


class TooManyRequests(StateError):
    code = "too-many-requests"


class JobFinished(StateError):
    code = "job-finished"


class JobUnfinished(StateError):
    code = "job-unfinished"


class WorkerDied(StateError):
    code = "worker-died"


class AlreadyRunning(StateError):
    code = "already-running"


class PortInUse(StateError):
    code = "port-in-use"


class StateTooNew(StateError):
    code = "state-too-new"


class StateBusy(StateError):
    code = "state-busy"


class StateUnavailable(StateError):
    """`reason` is "removed", "damaged", "disk" or "shared"."""

    code = "state-unavailable"
