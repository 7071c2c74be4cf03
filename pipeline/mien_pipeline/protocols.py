"""The seams of the pipeline: the fewest methods that let a fake be ten lines."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from mien_pipeline.face import Face, Mesh, Patch, Portrait
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.memory_limits import MemoryLimits
from mien_pipeline.options import Format, SwapOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.report import Edit, Marked, ModelUse


class Weights(Protocol):
    """Where the weight files are; the model store is one."""

    def path(self, model: str, file: str | None = None, /) -> Path:
        """Raises `ModelNotInstalled` when the file is not there."""
        ...

    def read(self, model: str, file: str | None = None, /) -> bytes:
        """The bytes of a small file, whose digest was just found right; raises as `path`."""
        ...


class FaceDetector(Protocol):
    """Finds faces and their meshes."""

    def detect(self, image: Image) -> Sequence[Face]:
        """Every face, left to right, each with its mesh; empty when there is none."""
        ...


@runtime_checkable
class SearchesInPasses(Protocol):
    """A detector that can wait, or stop, between the passes of a search."""

    def search(self, image: Image, on_pass: Callable[[], None], /) -> Sequence[Face]:
        """As `FaceDetector.detect`; `on_pass` is called before each pass, and what it raises ends the search."""
        ...


class FaceTracker(Protocol):
    """Finds a face that is known to be there."""

    def look_again(self, image: Image, mesh: Mesh) -> Mesh:
        """The (468, 3) mesh that is found where `mesh` (468, 3) is expected, both in the picture's pixels."""
        ...


class FaceFollower(FaceDetector, Protocol):
    """Finds faces, and a face again that was there a picture ago."""

    def follow(self, image: Image, mesh: Mesh, /) -> Face:
        """The face that is found where `mesh` (468, 3) was; its `mesh_score` says whether there is one."""
        ...

    def detect_others(self, image: Image, faces: Sequence[Face], /) -> Sequence[Face]:
        """As `detect`, without those whose boxes are where `faces` are; with no `faces` it is the same."""
        ...


class FaceEmbedder(Protocol):
    """Says who a face is, for comparing; one recogniser each."""

    @property
    def recogniser(self) -> str:
        """Which network compares."""
        ...

    def embed(self, image: Image, face: Face) -> Floats:
        """(D,) float32 embedding under this recogniser's own contract."""
        ...

    def similarity(self, one: Floats, other: Floats) -> float:
        """1.0 for the same embedding, about 0 for two people."""
        ...


class Likeness(Protocol):
    """One reference face, prepared by an engine: all that no target changes."""

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """This identity in place of `face`, with the target's pose, expression and light.

        Changes nothing it was handed. Whatever `on_step` raises ends the run.
        """
        ...


@runtime_checkable
class RendersAgain(Protocol):
    """A likeness that needs not look at a target a second time for a second attempt."""

    def render_again(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep, seen: object, /) -> Patch:
        """As `Likeness.render`, of the same picture and face; `seen` is that of the first attempt's patch."""
        ...


@runtime_checkable
class KnowsClips(Protocol):
    """A likeness that looks for what changes slowly in a few pictures of a clip, and not in every one."""

    @property
    def known_margin(self) -> float:
        """Of a face's longer side, what `render_known` needs around it, where `look` knew something; .8 at most."""
        ...

    def look(self, target: Image, face: Face, options: SwapOptions, /) -> object:
        """What is to be known of a picture; a value of the engine's own."""
        ...

    def render_known(
        self, target: Image, face: Face, options: SwapOptions, before: object, after: object, share: float, /
    ) -> Patch:
        """As `Likeness.render`, of a picture between two that were looked at, at `share` 0..1 of the way."""
        ...


@runtime_checkable
class SettlesOnPerson(Protocol):
    """A likeness that decides something once for all pictures of a person, so that it does not change in a clip."""

    def settle(self, target: Image, face: Face, /) -> Likeness:
        """This likeness for the person of this picture, as it decides of it."""
        ...


@runtime_checkable
class RendersGroups(Protocol):
    """A likeness whose engine can take several faces of a picture through its network at once."""

    def find_reach(self, face: Face, options: SwapOptions, /) -> Floats | None:
        """(4,) x1, y1, x2, y2: all that rendering this face reads or changes; None where one goes alone anyway."""
        ...

    def render_group(
        self, target: Image, group: Sequence[tuple[Likeness, Face]], options: SwapOptions, on_step: OnStep, /
    ) -> Sequence[Patch]:
        """As `Likeness.render`, of several faces, each with its own likeness of this engine, in their order."""
        ...


@runtime_checkable
class HoldsLikeness(Protocol):
    """A likeness around another one, that finishes what the other one renders."""

    @property
    def likeness(self) -> Likeness:
        """The other one."""
        ...

    def finish(self, patch: Patch, target: Image, face: Face, /) -> Patch:
        """What the other one rendered, as this one would have rendered it."""
        ...


class Engine(Protocol):
    """Generates faces. It is loaded when constructed; dropping it frees its memory."""

    @property
    def name(self) -> str:
        """As in `ENGINES`."""
        ...

    @property
    def models(self) -> Sequence[ModelUse]:
        """The weight files that take part, for the report and the credentials."""
        ...

    def prepare(self, portraits: Sequence[Portrait]) -> Likeness:
        """The reference face, ready to be rendered onto any target.

        Args:
            portraits: of one person, at least one; the one that is most like that person in all of them comes first.

        Raises:
            NoFaceFound: none of them shows that face well enough; `role` is "reference".
        """
        ...


@runtime_checkable
class Remembers(Protocol):
    """An engine that learns how much memory is too much for a machine."""

    def remember(self, limits: MemoryLimits, /) -> None:
        """Plan with what was learned before, and keep there what is learned from now on."""
        ...


OnPatch = Callable[[Image, Patch], None]
"""Told a target and what is painted of it so far."""


@runtime_checkable
class ShowsSteps(Protocol):
    """An engine that can show what it paints before it is done."""

    def show_steps(self, on_patch: OnPatch | None, /) -> None:
        """Tell of steps from now on, at most twice a second; None tells of none. Without what it takes, of none."""
        ...


class Restorer(Protocol):
    """Repairs skin detail of a face without changing who it is."""

    @property
    def name(self) -> str:
        """As in `RESTORERS`."""
        ...

    def restore(self, image: Image, face: Face, amount: float, on_step: OnStep) -> Patch:
        """The face repaired by at most `amount` in 0..1; a mask of zeros where nothing may change."""
        ...


@runtime_checkable
class UsesModels(Protocol):
    """A restorer, or what limits a likeness, that has weight files of its own."""

    @property
    def models(self) -> Sequence[ModelUse]:
        """The weight files that take part, for the report and the credentials."""
        ...


class ContentCheck(Protocol):
    """The check that every picture passes."""

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        """Return in silence, or raise `ContentBlocked` or `CheckUnavailable`.

        `is_turned` says that the picture is known not to be upright: then the check has to be surer to block it.
        """
        ...


class Marker(Protocol):
    """Encodes a result so that it says what it is; nothing leaves unmarked."""

    def expect(self, original: Image, on_step: OnStep = ignore_step) -> "Marker":
        """A marker of results of this picture, with the work done that can be done before there is one.

        `on_step` is told before each step of it; what that raises ends it.
        """
        ...

    def mark(self, result: Image, target: bytes, edit: Edit, format: Format | None = None) -> Marked:
        """The encoded picture: watermark, then metadata, then credentials with `target` as their parent.

        Args:
            result: the picture as an engine or a restorer left it.
            target: the encoded picture it was made from.
            edit: how it was made; its public settings and its models go into the credentials.
            format: by default the target's own, or the nearest that can carry the marks.

        Raises:
            MarkingFailed: it could not be marked, so there is nothing to deliver.
        """
        ...
