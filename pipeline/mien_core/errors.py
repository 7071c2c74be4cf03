"""Everything Mien refuses to do, by name. Imports nothing heavy.

A leaf exists where the person would *do* something different; its `code` is API and never renamed.
Keyword arguments given to an error are the fields that name what to fix; they travel in the problem
document and survive pickling, so an error can cross from the worker.

    MienError
    ├── BadRequest                 the request itself is malformed
    │   ├── InvalidImage           not a picture Mien reads, or not one it may
    │   ├── ImageTooLarge          more pixels or bytes than the limits
    │   ├── UnsupportedClip        a clip that Mien cannot edit: `stream` and `reason` say why
    │   ├── HdrClip                a clip of high dynamic range
    │   ├── ClipTooLong            more seconds or frames than the limits
    │   ├── InvalidOptions         an option has no such name or no such value
    │   ├── UnknownEngine
    │   ├── OutputIsInput          the result would take the place of a file that is read
    │   ├── NoFaceFound            role: target, reference or like
    │   ├── SeveralFaces           a reference that shows more than one person
    │   ├── ReferenceGlasses       dark or mirroring lenses hide a reference's eyes
    │   └── TooManyPictures        of one person: `limit` says how many there may be
    ├── ModelError
    │   ├── ModelNotInstalled      a weight file is missing
    │   ├── UnknownModel
    │   ├── LicenceNotAccepted
    │   ├── GatedModel             its source asks for an account: `page` says where
    │   ├── Offline                the person has switched the network off
    │   ├── DownloadFailed         `reason` says why; a retry continues from the bytes that are there
    │   ├── ChecksumMismatch
    │   ├── BrokenWeights          a weight file lacks tensors, or has others than its network
    │   ├── ImportRefused
    │   └── InvalidCatalogue
    ├── TrustError
    │   ├── ContentBlocked         stage: target, reference or result
    │   ├── CheckUnavailable       the content check could not run, so nothing else may
    │   ├── MarkingFailed          a picture that cannot be marked is not delivered
    │   ├── ConsentRequired        a reference without the statement that allows its use
    │   ├── UnknownReference
    │   ├── LastPicture            a reference without a picture is none: withdraw it
    │   ├── KeyUnavailable         a key that is needed cannot be had: its secret store is locked or absent
    │   ├── WrongPassphrase        what the passphrase should open stays shut
    │   └── BackupRefused          a file that is no backup of the library, or a damaged one
    ├── ResourceError
    │   ├── DiskFull
    │   ├── OutputNotWritable      the result has no place at the path that was given
    │   ├── OutputExists           another file is there, and the person asked to fail then
    │   ├── OutputBusy             another run writes into the output folder
    │   ├── StoreNotWritable       the models folder is read-only
    │   ├── DiskFailed             the disk or the system refused a file: `reason` says why
    │   ├── GpuOutOfMemory
    │   ├── NotEnoughMemory        refused before loading, with the plan
    │   ├── EngineUnavailable      the libraries an engine needs are not installed
    │   ├── EngineOutdated         its environment is of another version of Mien: `command` makes it anew
    │   ├── LibraryMissing         the system lacks a native library: `library` and the `package` that brings it
    │   └── ClusterRefused         a cluster that is given nothing: `reason` says why
    ├── DaemonUnreachable
    └── Cancelled                  the person stopped it
"""

from typing import ClassVar, Self


class MienError(Exception):
    """A named refusal: the message states the fact, `fields` name what to fix."""

    code: ClassVar[str] = "internal-error"

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.fields = fields

    def __reduce__(self) -> tuple[object, tuple[type[Self], str, dict[str, object]]]:
        return _rebuild, (type(self), str(self), self.fields)


def _rebuild(kind: type[MienError], message: str, fields: dict[str, object]) -> MienError:
    return kind(message, **fields)


class BadRequest(MienError):
    code = "bad-request"


class InvalidImage(BadRequest):
    code = "invalid-image"


class ImageTooLarge(BadRequest):
    code = "image-too-large"


class UnsupportedClip(BadRequest):
    """`stream` is the one that cannot be edited, `reason` why: see `media.clip.probe`; `found` is what it is."""

    code = "unsupported-clip"


class HdrClip(BadRequest):
    """`found` is the transfer function; its code values are not those of sRGB, and eight bits do not hold them."""

    code = "hdr"


class ClipTooLong(BadRequest):
    """`limit_s` or `limit_frames` says how long a clip may be, `found` how long this one is."""

    code = "clip-too-long"


class InvalidOptions(BadRequest):
    code = "invalid-options"


class UnknownEngine(BadRequest):
    code = "unknown-engine"


class OutputIsInput(BadRequest):
    """`file` is the path that was given."""

    code = "output-is-input"


class NoFaceFound(BadRequest):
    """`role` says in which picture: target, reference, or the one that a target face is to be like."""

    code = "no-face-found"


class SeveralFaces(BadRequest):
    code = "several-faces"


class ReferenceGlasses(BadRequest):
    """No picture of a reference shows the eyes; `found` is how many show the face."""

    code = "reference-glasses"


class TooManyPictures(BadRequest):
    """One person has more pictures than `limit`; `found` is how many."""

    code = "too-many-pictures"


class ModelError(MienError):
    pass


class ModelNotInstalled(ModelError):
    """`model` and `files` name what is missing; `command` gets it."""

    code = "model-not-installed"


class UnknownModel(ModelError):
    code = "unknown-model"


class LicenceNotAccepted(ModelError):
    code = "licence-not-accepted"


class GatedModel(ModelError):
    """`page` is where access is asked for; a token is needed after that."""

    code = "gated-model"


class Offline(ModelError):
    code = "offline"


class DownloadFailed(ModelError):
    """`reason` is one of no-network, not-found, refused, busy, server, tls, redirect, stalled, changed, damaged, …"""

    code = "download-failed"


class ChecksumMismatch(ModelError):
    code = "checksum-mismatch"


class BrokenWeights(ModelError):
    """`file` is the one; `missing`, `extra` and `misshapen` name the tensors that differ."""

    code = "broken-weights"


class ImportRefused(ModelError):
    code = "import-refused"


class InvalidCatalogue(ModelError):
    code = "invalid-catalogue"


class TrustError(MienError):
    pass


class ContentBlocked(TrustError):
    """`stage` says which picture: target, reference or result; of a clip `at_s` says when. No more is told or kept."""

    code = "content-blocked"


class CheckUnavailable(TrustError):
    code = "check-unavailable"


class MarkingFailed(TrustError):
    code = "marking-failed"


class ConsentRequired(TrustError):
    code = "consent-required"


class UnknownReference(TrustError):
    code = "unknown-reference"


class LastPicture(TrustError):
    """The only picture of `reference` goes with its consent, or not at all."""

    code = "last-picture"


class KeyUnavailable(TrustError):
    """A key that is needed cannot be had, so nothing is changed.

    `reason` is "locked" (the secret store refuses), "absent" (it is not there, or no longer has the key) or "wrong"
    (it has another key under that name).
    """

    code = "key-unavailable"


class WrongPassphrase(TrustError):
    code = "wrong-passphrase"


class BackupRefused(TrustError):
    """`file` is the one; `reason` is "not-a-backup", "too-new" or "damaged"."""

    code = "backup-refused"


class ResourceError(MienError):
    pass


class DiskFull(ResourceError):
    code = "disk-full"


class StoreNotWritable(ResourceError):
    """`folder` is what cannot be written to."""

    code = "store-not-writable"


class DiskFailed(ResourceError):
    """`reason` is what the system says."""

    code = "disk-failed"


class OutputNotWritable(ResourceError):
    """`file` says where."""

    code = "output-not-writable"


class OutputExists(ResourceError):
    """`file` is what is there already."""

    code = "output-exists"


class OutputBusy(ResourceError):
    """`folder` is where the other run writes."""

    code = "output-busy"


class GpuOutOfMemory(ResourceError):
    code = "gpu-out-of-memory"


class NotEnoughMemory(ResourceError):
    code = "not-enough-memory"


class EngineUnavailable(ResourceError):
    code = "engine-unavailable"


class EngineOutdated(ResourceError):
    code = "engine-outdated"


class LibraryMissing(ResourceError):
    code = "library-missing"


class ClusterRefused(ResourceError):
    """`reason`: "ray-missing", "network", "start" or "unreachable"; "token", "tls", "spilling" or "dashboard" where
    strangers could get in; "versions", "digests" or "node" where one is not what this machine is."""

    code = "cluster-refused"


class DaemonUnreachable(MienError):
    code = "daemon-unreachable"


class Cancelled(MienError):
    code = "cancelled"
