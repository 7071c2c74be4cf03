"""Everything a process that swaps keeps loaded: the worker's, and the command line's own with `--local`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

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
from mien_pipeline.device import device_name
from mien_pipeline.engines.registry import ENGINES, missing_models, parse_options
from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Image
from mien_pipeline.loaded_components import LoadedComponents
from mien_pipeline.masks.rows import require_installed as require_masks
from mien_pipeline.media.decode import decode
from mien_pipeline.media.metadata import DIGITAL_SOURCE_TYPE
from mien_pipeline.memory_limits import MACHINE_FOLDER, MemoryLimits
from mien_pipeline.option_parts import require_restorer
from mien_pipeline.options import AUTO, RestoreOptions, SwapOptions
from mien_pipeline.prepared_references import PreparedReferences
from mien_pipeline.progress import OnProgress, Stopwatch, ignore_progress
from mien_pipeline.protocols import Engine, Remembers, Restorer, ShowsSteps
from mien_pipeline.recently_used import RecentlyUsed
from mien_pipeline.report import ModelUse, Swapped
from mien_pipeline.restorers.registry import RESTORERS
from mien_pipeline.restorers.rows import VIVID as VIVID_NAME
from mien_pipeline.restorers.rows import open_row
from mien_pipeline.skin.cautions import list_cautions
from mien_pipeline.step_preview import OnPreview, make_preview
from mien_pipeline.swap import Components, begun_early, decode_target, edit_picture
from mien_pipeline.swap_image import FaceSwap
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.check import PictureCheck, flatten
from mien_pipeline.trust.marking import ResultMarker

if TYPE_CHECKING:
    from mien_pipeline.clip_options import ClipOptions
    from mien_pipeline.clips.analysis import Analysis
    from mien_pipeline.clips.orders import SegmentOrder
    from mien_pipeline.clips.report import SwappedClip
    from mien_pipeline.clips.segments import SegmentMaker
    from mien_pipeline.media.clip.probe import ClipInfo
    from mien_pipeline.swap_clip import ClipTarget
    from mien_pipeline.trust.verify import Inspector

MOST_RATED = 4  # faces of a picture that may be of one person; each takes some milliseconds
# The engine whose weights Vivid paints with, and how.
VIVID = RESTORERS["vivid"]
PAINTER = str(VIVID.painting["engine"])


def paint_options() -> SwapOptions:
    """How Vivid paints."""
    return parse_options(VIVID.painting)


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
        self._engine: Engine | None = None
        self._references = PreparedReferences(store)
        self._enhancers: RecentlyUsed[tuple[str, float], Restorer] = RecentlyUsed(1)
        self.loaded = LoadedComponents(store, authority)

    @property
    def engine_name(self) -> str | None:
        """The engine in memory."""
        return self._engine.name if self._engine else None

    def warm(self) -> None:
        """Load the networks that every edit takes, before there is one; what is not installed is said with the edit."""
        with suppress(MienError):
            _ = self.loaded.usual

    def show_previews(self, on_preview: OnPreview | None) -> None:
        """Tell of pictures of the steps of swaps from now on, where an engine shows any; None tells of none."""
        self._on_preview = on_preview

    def _show_steps(self, engine: Engine) -> None:
        if not isinstance(engine, ShowsSteps):
            return
        on_preview = self._on_preview

        def show(target: Image, patch: Patch) -> None:
            preview = make_preview(target, patch, self.loaded.check, engine.name) if on_preview else None
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

        References that were used a short while ago are not prepared again. An engine that is left open is picked, and
        where that is asked others are tried: see `swap_by_choice`. A target that cannot be read is refused
        before the engine is loaded.

        Args:
            target: the picture to change.
            references: for each person the picture, or the pictures.
            options: the engine's.
            on_progress: told about every step; what it raises ends the swap.
            likes: the pictures that `options.likes` names, in any order.
        """
        if options.engine == AUTO or options.fallback:
            from mien_pipeline.choice.try_engines import swap_by_choice

            return swap_by_choice(self, self._store, target, references, options, on_progress, likes)
        clock, loaded = Stopwatch(on_progress), self.loaded
        with begun_early(target, loaded.ready_marker) as early:
            original = decode_target(target, options.format, clock, early)
            require_restorer(options, self._store)
            require_masks(self._store, options.masks)
            parts = self._components_for(options)
            engine = self._load(options.engine)
            painter = engine if engine.name == PAINTER else None
            restorer = self._restorer(options, painter) if options.restore else None
            ready = self._references.prepare_all(references, options, engine, parts, clock)
            alike = self._references.find_likes(likes, options, parts)
            edit = FaceSwap(engine, ready, options, loaded.embedder, restorer, alike, loaded.detector, parts.judge)
            self._show_steps(engine)
            return edit_picture(target, edit, parts, clock, original, early)

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
        from mien_pipeline.clip_options import require_clip_options
        from mien_pipeline.swap_clip import ClipComponents, ClipJob, swap_clip

        require_clip_options(options)
        require_masks(self._store, options.masks)
        clock = Stopwatch(on_progress)
        parts = self._components_for(options)
        engine = self._load(options.engine)
        ready = self._references.prepare_all(references, options, engine, parts, clock)
        alike = self._references.find_likes(likes, options, parts)
        masking = [reader.file.use for reader in self._references.open_masks(options)]
        job = ClipJob(target, options.make_steady(), ready, alike, (*engine.models, *masking))
        loaded = self.loaded
        components = ClipComponents(loaded.detector, loaded.embedder, loaded.check, loaded.marker, loaded.models)
        return swap_clip(job, components, clock)

    def prepare_references(self, references: Sequence[bytes | Sequence[bytes]], options: SwapOptions) -> None:
        """Load the engine and prepare the references before they are needed; raises as `swap` does."""
        if options.engine == AUTO:
            return  # which engine it will be, the targets decide
        parts, engine = self._components_for(options), self._load(options.engine)
        for each in references:
            self._references.prepare(each, engine, parts, Stopwatch())

    def open_segments(
        self,
        clip: Path,
        folder: Path,
        order: "SegmentOrder",
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
    ) -> "SegmentMaker":
        """What renders segments of a clip for another process's run; see `segments.open_segments`. Needs PyAV."""
        from mien_pipeline.clips.segments import open_segments

        parts, engine = self._components_for(options), self._load(options.engine)
        ready = self._references.prepare_all(references, options, engine, parts, Stopwatch())
        loaded = self.loaded
        return open_segments(clip, folder, order, ready, options.make_steady(), loaded.embedder, loaded.check)

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
                self.loaded.detector,
                self.loaded.embedder,
                self.loaded.check,
                self.loaded.marker.watermark,
                partial(clock.step, "detect", 0, 1),
            )

    def restore(self, image: bytes, options: RestoreOptions, on_progress: OnProgress = ignore_progress) -> Swapped:
        """The picture with skin detail restored; see `edit_picture` and `FaceRestoration`."""
        from mien_pipeline.restore_image import FaceRestoration

        clock = Stopwatch(on_progress)
        with begun_early(image, self.loaded.ready_marker) as early:
            original = decode_target(image, options.format, clock, early)
            require_restorer(options, self._store)
            painter = self._painter() if options.restorer == VIVID_NAME else None
            restorer = self._restorer(options, painter)
            models = painter.models if painter else ()
            edit = FaceRestoration(restorer, options, self.loaded.embedder, models)
            return edit_picture(image, edit, self.loaded.usual, clock, original, early)

    def find_faces(self, picture: bytes) -> Sequence[Face]:
        """The faces of a picture that has passed the content check, left to right.

        Where they are few enough for it to be a reference, each has its cautions.
        """
        image = decode(picture)
        checking = PictureCheck(image, self.loaded.check, "target")
        checking.begin()
        seen = flatten(image)
        faces = self.loaded.detector.detect(seen)
        checking.finish(faces)
        if len(faces) > MOST_RATED:
            return faces
        return [replace(face, cautions=list_cautions(seen.pixels, face)) for face in faces]

    def check_made(self, picture: bytes, watermark: str) -> None:
        """Return if a result that another machine made is one that this machine would hand out.

        Args:
            picture: the result.
            watermark: how strong the other machine says that its watermark is.

        Raises:
            ContentBlocked: `stage` is "result".
            MarkingFailed: the credentials are missing, or a watermark that is said to be there or would hold there.
        """
        image = decode(picture)
        checking = PictureCheck(image, self.loaded.check, "result")
        checking.begin()
        checking.finish(self.loaded.detector.detect(flatten(image)))
        found = self._inspector.inspect(picture)
        if found.credentials.state != "valid" or found.credentials.source_type != DIGITAL_SOURCE_TYPE:
            raise MarkingFailed("a result came without its credentials")
        is_marked = found.watermark is not None and found.watermark.strength != "none"
        # An even or tiny picture holds no watermark. Whether it is one, the picture says, and not the other machine.
        if not is_marked and (watermark != "none" or self.marker.watermark.is_held_by(image.pixels)):
            raise MarkingFailed("a result came without its watermark")

    def check_segment(self, segment: Path, pictures: int) -> None:
        """Return if so many pictures of a clip, which another machine made, are such as this one makes; needs PyAV.

        Raises:
            ContentBlocked: `stage` is "result".
            MarkingFailed: it holds another number of pictures, or no watermark is read in them.
            UnsupportedClip: it cannot be read.
        """
        from mien_pipeline.clips.inspect import check_segment

        check_segment(segment, pictures, self.loaded.detector, self.loaded.check, self.marker.watermark)

    @cached_property
    def _inspector(self) -> "Inspector":
        from mien_pipeline.trust.verify import Inspector

        return Inspector(self._store.path("watermark"))

    def unload(self) -> None:
        """Forget the engine and every prepared reference."""
        self._references.clear()
        self._enhancers.clear()
        self._engine = None

    @property
    def marker(self) -> ResultMarker:
        """Marks results, and sheets of them; raises `MarkingFailed` where this runtime hands out none."""
        return self.loaded.marker

    @property
    def models(self) -> tuple[ModelUse, ...]:
        """The weight files that every edit takes."""
        return self.loaded.models

    def _components_for(self, options: SwapOptions) -> Components:
        return self.loaded.choose(options, ENGINES[options.engine])

    def _restorer(self, options: SwapOptions | RestoreOptions, painter: Engine | None) -> Restorer:
        """The restorer that the options name; an enhancer stays in memory until another one is asked for."""
        if options.restorer == VIVID_NAME:
            return VIVID.load(self.loaded.embedder, painter, paint_options())
        key = options.restorer, options.fidelity
        return self._enhancers.get(key, lambda: open_row(self._store, *key, self.loaded.embedder))

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
