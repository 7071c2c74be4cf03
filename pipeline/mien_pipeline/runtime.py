"""Everything a process that swaps keeps loaded: the worker's, and the command line's own with `--local`."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from mien_core.errors import (
    EngineUnavailable,
    LicenceNotAccepted,
    MarkingFailed,
    MienError,
    NotEnoughMemory,
)
from mien_models.catalogue.entries import load_catalogue
from mien_models.environments.outdated import telling_outdated
from mien_models.store import ModelStore
from mien_pipeline.clip_options import require_clip_options
from mien_pipeline.device import device_name
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.engines.registry import ALWAYS, ENGINES, missing_models, parse_options
from mien_pipeline.face import Embedding, Face, Patch
from mien_pipeline.faces.arcface import ArcFaceEmbedder, find_arcface
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.detectors import Kind, OpenDetector, choose_kind, open_detector, open_yunet
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Image
from mien_pipeline.masks.likeness import limit_likeness
from mien_pipeline.masks.rows import open_readers
from mien_pipeline.masks.rows import require_installed as require_masks
from mien_pipeline.media.decode import decode
from mien_pipeline.memory_limits import MACHINE_FOLDER, MemoryLimits
from mien_pipeline.option_parts import require_restorer
from mien_pipeline.options import RestoreOptions, SwapOptions
from mien_pipeline.progress import OnProgress, Stopwatch, ignore_progress
from mien_pipeline.protocols import Engine, Remembers, Restorer, ShowsSteps
from mien_pipeline.report import ModelUse, Swapped
from mien_pipeline.restore_image import FaceRestoration
from mien_pipeline.restorers.registry import RESTORERS
from mien_pipeline.restorers.rows import VIVID as VIVID_NAME
from mien_pipeline.restorers.rows import open_row
from mien_pipeline.step_preview import OnPreview, make_preview
from mien_pipeline.swap import Components, decode_target, edit_picture, embed_likes, prepare
from mien_pipeline.swap_image import FaceSwap, Reference
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.check import PictureCheck, flatten
from mien_pipeline.trust.content import OpenNsfw
from mien_pipeline.trust.marking import NoMarker, ResultMarker
from mien_pipeline.trust.time_stamp import time_stamp_url

if TYPE_CHECKING:
    from mien_pipeline.clip_options import ClipOptions
    from mien_pipeline.clips.analysis import Analysis
    from mien_pipeline.clips.orders import SegmentOrder
    from mien_pipeline.clips.report import SwappedClip
    from mien_pipeline.clips.segments import SegmentMaker
    from mien_pipeline.masks.network import MaskReader
    from mien_pipeline.media.clip.probe import ClipInfo
    from mien_pipeline.swap_clip import ClipTarget

# A prepared reference is an atlas and an embedding, a few megabytes. A job names at most 20 people, and a run over a
# folder names the same ones for every picture.
KEPT_REFERENCES = 20
# The engine whose weights Vivid paints with, and how.
VIVID = RESTORERS["vivid"]
PAINTER = str(VIVID.painting["engine"])


def paint_options() -> SwapOptions:
    """How Vivid paints."""
    return parse_options(VIVID.painting)


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentlyUsed(Generic[Key, Value]):
    """The values of the last few keys that were asked for; the one that was not used for longest goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of `key`, made when it is not kept."""
        if key not in self._values:
            self._values[key] = make()
        self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return self._values[key]

    def clear(self) -> None:
        self._values.clear()


def create_runtime(models: Path, state: Path, *, offline: bool, authority: Authority | None = None) -> "Runtime":
    """The runtime that a worker process is told to make; see the daemon's configuration."""
    store = ModelStore(models, load_catalogue(), offline=offline)
    return Runtime(store, authority or Authority(state), MemoryLimits(state / MACHINE_FOLDER))


class Runtime:
    """Loaded networks, one engine at a time, and the last few references prepared. One thread only."""

    def __init__(self, store: ModelStore, authority: Authority | None, limits: MemoryLimits | None = None) -> None:
        """Nothing is loaded yet: each network is on first use, and stays.

        Args:
            store: where the weights are; a missing one raises `ModelNotInstalled` when it is needed.
            authority: what signs results; None for a process that hands out none.
            limits: how much memory engines may plan with here; None does not remember.
        """
        self._limits = limits
        self._on_preview: OnPreview | None = None
        self._store = store
        self._authority = authority
        self._engine: Engine | None = None
        self._detectors: dict[Kind, OpenDetector] = {}
        self._judges: dict[str, tuple[ArcFaceEmbedder, ModelUse]] = {}
        self._references: RecentlyUsed[tuple[str, ...], Reference] = RecentlyUsed(KEPT_REFERENCES)
        self._likes: RecentlyUsed[tuple[str, ...], list[Embedding]] = RecentlyUsed(KEPT_REFERENCES)
        self._enhancers: RecentlyUsed[tuple[str, float], Restorer] = RecentlyUsed(1)
        self._masks: RecentlyUsed[tuple[str, ...], Sequence[MaskReader]] = RecentlyUsed(1)

    @property
    def engine_name(self) -> str | None:
        """The engine in memory."""
        return self._engine.name if self._engine else None

    def warm(self) -> None:
        """Load the networks that every edit takes, before there is one; what is not installed is said with the edit."""
        with suppress(MienError):
            _ = self._components

    def show_previews(self, on_preview: OnPreview | None) -> None:
        """Tell of pictures of the steps of swaps from now on, where an engine shows any; None tells of none."""
        self._on_preview = on_preview

    def _show_steps(self, engine: Engine) -> None:
        if not isinstance(engine, ShowsSteps):
            return
        on_preview = self._on_preview

        def show(target: Image, patch: Patch) -> None:
            preview = make_preview(target, patch, self._check, engine.name) if on_preview else None
            if on_preview and preview:
                on_preview(preview)

        engine.show_steps(show if on_preview else None)

    def swap(
        self,
        target: bytes,
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress = ignore_progress,
        likes: Sequence[bytes] = (),
    ) -> Swapped:
        """The target with the reference faces in it; see `edit_picture`, `FaceSwap` and `prepare`.

        References that were used a short while ago are not prepared again. A target that cannot be read is refused
        before the engine is loaded.

        Args:
            target: the picture to change.
            references: for each person the picture, or the pictures.
            options: the engine's.
            on_progress: told about every step; what it raises ends the swap.
            likes: the pictures that `options.likes` names, in any order.
        """
        clock = Stopwatch(on_progress)
        original = decode_target(target, options.format, clock)
        require_restorer(options, self._store)
        require_masks(self._store, options.masks)
        parts = self._components_for(options)
        engine = self._load(options.engine)
        painter = engine if engine.name == PAINTER else None
        restorer = self._restorer(options, painter) if options.restore else None
        ready = self._prepare_all(references, options, engine, parts, clock)
        alike = self._find_likes(likes, options, parts)
        edit = FaceSwap(engine, ready, options, self._embedder, restorer, alike, self._detector, parts.judge)
        self._show_steps(engine)
        return edit_picture(target, edit, parts, clock, original)

    def swap_clip(
        self,
        target: "ClipTarget",
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress = ignore_progress,
        likes: Sequence[bytes] = (),
    ) -> "SwappedClip":
        """The clip with the reference faces in it; see `swap_clip.swap_clip`. Needs PyAV.

        Args:
            target: the clip, where its run is kept and where its result goes.
            references: for each person the picture, or the pictures.
            options: the engine's.
            on_progress: told about every step; what it raises ends the run, which can be taken up again.
            likes: the pictures that `options.likes` names, in any order.
        """
        from mien_pipeline.swap_clip import ClipComponents, ClipJob, swap_clip

        require_clip_options(options)
        require_masks(self._store, options.masks)
        clock = Stopwatch(on_progress)
        parts = self._components_for(options)
        engine = self._load(options.engine)
        ready = self._prepare_all(references, options, engine, parts, clock)
        alike = self._find_likes(likes, options, parts)
        masking = [reader.file.use for reader in self._open_masks(options)]
        job = ClipJob(target, options.make_steady(), ready, alike, (*engine.models, *masking))
        components = ClipComponents(self._detector, self._embedder, self._check, self.marker, self.models)
        return swap_clip(job, components, clock)

    def prepare_references(self, references: Sequence[bytes | Sequence[bytes]], options: SwapOptions) -> None:
        """Load the engine and prepare the references before they are needed; raises as `swap` does."""
        parts, engine = self._components_for(options), self._load(options.engine)
        for each in references:
            self._prepare(each, engine, parts, Stopwatch())

    def open_segments(
        self,
        clip: Path,
        folder: Path,
        order: "SegmentOrder",
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
    ) -> "SegmentMaker":
        """What renders segments of a clip for another process's run; see `swap_clip.open_segments`. Needs PyAV."""
        from mien_pipeline.swap_clip import open_segments

        parts, engine = self._components_for(options), self._load(options.engine)
        ready = self._prepare_all(references, options, engine, parts, Stopwatch())
        return open_segments(clip, folder, order, ready, options.make_steady(), self._embedder, self._check)

    def analyse_clip(
        self, clip: "ClipInfo", part: "ClipOptions", on_progress: OnProgress = ignore_progress
    ) -> "Analysis":
        """Who is in a clip; see `clips.analyse.analyse`. Needs PyAV."""
        from mien_pipeline.clips.analyse import analyse

        clock = Stopwatch(on_progress)
        with clock.stage("detect"):
            return analyse(
                clip,
                (part.begin_s, part.end_s),
                self._detector,
                self._embedder,
                self._check,
                None,
                partial(clock.step, "detect", 0, 1),
            )

    def restore(self, image: bytes, options: RestoreOptions, on_progress: OnProgress = ignore_progress) -> Swapped:
        """The picture with skin detail restored; see `edit_picture` and `FaceRestoration`."""
        clock = Stopwatch(on_progress)
        original = decode_target(image, options.format, clock)
        require_restorer(options, self._store)
        painter = self._painter() if options.restorer == VIVID_NAME else None
        restorer = self._restorer(options, painter)
        models = painter.models if painter else ()
        edit = FaceRestoration(restorer, options, self._embedder, models)
        return edit_picture(image, edit, self._components, clock, original)

    def find_faces(self, picture: bytes) -> Sequence[Face]:
        """The faces of a picture that has passed the content check, left to right."""
        image = decode(picture)
        checking = PictureCheck(image, self._check, "target")
        checking.begin()
        faces = self._detector.detect(flatten(image))
        checking.finish(faces)
        return faces

    def unload(self) -> None:
        """Forget the engine and every prepared reference."""
        self._references.clear()
        self._likes.clear()
        self._enhancers.clear()
        self._masks.clear()
        self._engine = None

    @cached_property
    def marker(self) -> ResultMarker:
        """Marks results, and sheets of them.

        Raises:
            MarkingFailed: this runtime was made to hand out no results, or they could not be signed.
        """
        if self._authority is None:
            raise MarkingFailed("this process hands out no results")
        url = None if self._store.offline else time_stamp_url()
        return ResultMarker(self._store.path("watermark"), self._authority, url)

    @cached_property
    def models(self) -> tuple[ModelUse, ...]:
        """The weight files that every edit takes."""
        return tuple(
            ModelUse(model.name, file.sha256 or "", file.state == "ready")
            for model in self._store.states(ALWAYS)
            for file in model.files
        )

    @cached_property
    def _components(self) -> Components:
        marker = self.marker if self._authority else NoMarker()
        return Components(self._detector, self._embedder, self._check, marker, self.models)

    def _components_for(self, options: SwapOptions) -> Components:
        """Those of every edit, with the detector that the options and their engine want."""
        parts = self._components
        if options.recogniser == "arcface":
            parts = self._measured_by_arcface(parts, ENGINES[options.engine])
        kind = choose_kind(options.detector, ENGINES[options.engine].points, self._store)
        if kind == "yunet":
            return parts
        if kind not in self._detectors:
            self._detectors[kind] = open_detector(kind, self._store, lambda: self._detector)
        found = self._detectors[kind]
        return replace(parts, detector=found.detector, detection=found)

    def _measured_by_arcface(self, parts: Components, entry: EngineEntry) -> Components:
        """`parts` with InsightFace's recogniser as the judge, named among the models."""
        name, path = find_arcface(self._store, {*entry.models, *chain(*entry.instead.values())})
        if name not in self._judges:
            with path.open("rb") as file:
                use = ModelUse(name, hashlib.file_digest(file, "sha256").hexdigest())
            self._judges[name] = ArcFaceEmbedder(path), use
        judge, use = self._judges[name]
        models = (*parts.models, replace(use, ran_on=judge.network.provider))
        return replace(parts, judge=judge, models=models)

    def _restorer(self, options: SwapOptions | RestoreOptions, painter: Engine | None) -> Restorer:
        """The restorer that the options name; an enhancer stays in memory until another one is asked for."""
        if options.restorer == VIVID_NAME:
            return VIVID.load(self._embedder, painter, paint_options())
        key = options.restorer, options.fidelity
        return self._enhancers.get(key, lambda: open_row(self._store, *key, self._embedder))

    def _painter(self) -> Engine | None:
        """FLUX.1 for Vivid, where it is installed and an accelerator holds it: a processor would take hours."""
        if ENGINES[PAINTER].missing_libraries or missing_models(PAINTER, self._store) or device_name() == "cpu":
            return None
        try:
            return self._load(PAINTER)
        except (EngineUnavailable, LicenceNotAccepted, NotEnoughMemory):
            return None

    def _load(self, engine: str) -> Engine:
        """The engine by that name; another one is let go first."""
        if self._engine is None or self._engine.name != engine:
            self.unload()
            with telling_outdated(engine, self._store.root):
                self._engine = ENGINES[engine].load(self._store)
            if self._limits and isinstance(self._engine, Remembers):
                self._engine.remember(self._limits)
        return self._engine

    def _prepare_all(
        self,
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
        engine: Engine,
        parts: Components,
        clock: Stopwatch,
    ) -> list[Reference]:
        """Every person, their likeness held to the masks that the options name."""
        readers = self._open_masks(options)
        ready = [self._prepare(each, engine, parts, clock) for each in references]
        return [replace(each, likeness=limit_likeness(each.likeness, readers)) for each in ready] if readers else ready

    def _open_masks(self, options: SwapOptions) -> "Sequence[MaskReader]":
        """The networks that the options name; they stay in memory until others are asked for."""
        return self._masks.get(options.masks, lambda: open_readers(self._store, options.masks))

    def _prepare(
        self, reference: bytes | Sequence[bytes], engine: Engine, parts: Components, clock: Stopwatch
    ) -> Reference:
        pictures = [reference] if isinstance(reference, bytes) else reference
        kind = parts.detection.kind if parts.detection else "yunet"
        judge = parts.judge.recogniser if parts.judge else ""
        key = engine.name, kind, judge, *(hashlib.sha256(each).hexdigest() for each in pictures)
        return self._references.get(key, lambda: prepare(pictures, engine, parts, clock))

    def _find_likes(self, pictures: Sequence[bytes], options: SwapOptions, parts: Components) -> list[Embedding]:
        """Who is in the pictures that `options.likes` names; those of the last few swaps are known still."""
        handed = (hashlib.sha256(each).hexdigest() for each in pictures)
        return self._likes.get(
            (options.detector, *options.likes, *handed), lambda: embed_likes(pictures, options.likes, parts)
        )

    @cached_property
    def _detector(self) -> MeshDetector:
        return open_yunet(self._store)

    @cached_property
    def _embedder(self) -> DlibEmbedder:
        return DlibEmbedder(self._store.read("identity-score"))

    @cached_property
    def _check(self) -> OpenNsfw:
        return OpenNsfw(self._store.path("content-check"))
