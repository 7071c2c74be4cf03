"""Everything a process that swaps keeps loaded: the worker's, and the command line's own with `--local`."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from mien_core.errors import EngineUnavailable, LicenceNotAccepted, MienError, NotEnoughMemory
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline import restore
from mien_pipeline.device import device_name
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.registry import ALWAYS, ENGINES, missing_models, parse_options
from mien_pipeline.face import Face
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.sheet import draw_row
from mien_pipeline.options import Format, SwapOptions
from mien_pipeline.progress import OnProgress, ignore_progress
from mien_pipeline.protocols import Engine
from mien_pipeline.report import ModelUse, Swapped
from mien_pipeline.restorers.registry import RESTORERS
from mien_pipeline.swap import Parts, Reference, Stopwatch, describe, prepare, swap
from mien_pipeline.trust.check import check
from mien_pipeline.trust.content import OpenNsfw
from mien_pipeline.trust.marking import Stamp, time_stamp_url

# A prepared reference is an atlas and an embedding, a few megabytes; a person goes back and forth between a handful.
KEPT_REFERENCES = 8
# The engine whose weights Vivid paints with, and how.
VIVID = RESTORERS["vivid"]
PAINTING = parse_options(VIVID.painting)
PAINTER = PAINTING.engine
SIDE_BY_SIDE_PX = 512  # the height of pictures shown next to one another


def create_runtime(models: Path, state: Path, *, offline: bool) -> "Runtime":
    """The runtime that a worker process is told to make; see the daemon's configuration."""
    return Runtime(ModelStore(models, load_catalogue(), offline=offline), state)


class Runtime:
    """Loaded networks, one engine at a time, and the last few references prepared. One thread only."""

    def __init__(self, store: ModelStore, state: Path) -> None:
        """Nothing is loaded yet: each network is on first use, and stays.

        Args:
            store: where the weights are; a missing one raises `ModelNotInstalled` when it is needed.
            state: the folder that holds what signs results.
        """
        self._store = store
        self._state = state
        self._engine: Engine | None = None
        self._references: OrderedDict[tuple[str, str], Reference] = OrderedDict()

    @property
    def engine_name(self) -> str | None:
        """The engine in memory."""
        return self._engine.name if self._engine else None

    def swap(
        self,
        target: bytes,
        references: Sequence[bytes],
        options: SwapOptions,
        on_progress: OnProgress = ignore_progress,
    ) -> Swapped:
        """One swap; see `mien_pipeline.swap.swap`. References seen before are not prepared again."""
        clock = Stopwatch(on_progress)
        parts = self._parts(options)
        return swap(target, [self._prepared(each, parts, clock) for each in references], options, parts, clock)

    def restore(
        self, image: bytes, amount: float, on_progress: OnProgress = ignore_progress, *, format: Format | None = None
    ) -> Swapped:
        """One restoration; see `mien_pipeline.restore.restore`."""
        painter = self._painter()
        models = (*self._shared_models, *(painter.models if painter else ()))
        restorer = VIVID.load(self._embedder, painter, PAINTING)
        parts = restore.Parts(self._detector, self._embedder, self._check, restorer, self._stamp, models)
        return restore.restore(image, amount, parts, Stopwatch(on_progress), format)

    def find_faces(self, picture: bytes) -> Sequence[Face]:
        """The faces of a picture that has passed the content check, left to right."""
        image = decode(picture)
        check(image, self._check, "target")
        return self._detector.detect(image)

    def side_by_side(self, target: bytes, reference: bytes, result: Swapped) -> bytes:
        """A PNG of target, reference and result in a row, marked like every picture that shows a swapped face."""
        pictures = [decode(data).pixels for data in (target, reference, result.data)]
        sheet = Image(draw_row(pictures, ("target", "reference", "result"), height_px=SIDE_BY_SIDE_PX))
        return self._stamp.mark(sheet, target, {"engine": result.engine}, result.models, "png").data

    def contact_sheet(
        self, target: bytes, references: Mapping[str, bytes]
    ) -> tuple[bytes, Mapping[str, Mapping[str, object]]]:
        """A marked PNG of the target and of each reference's face on it, and the reports by reference.

        A reference that is refused has a report with the refusal's `code` and no picture.
        """
        pictures, captions = [decode(target).pixels], ["target"]
        reports: dict[str, Mapping[str, object]] = {}
        for name, reference in references.items():
            try:
                done = self.swap(target, [reference], MeshOptions())
            except MienError as error:
                reports[name] = {"code": error.code, **error.fields}
                continue
            reports[name] = describe(done)
            scores = next(face.identity for face in done.faces if face.identity)
            pictures.append(decode(done.data).pixels)
            captions.append(f"{name} {scores.to_reference:.2f}, target {scores.to_target:.2f}")
        sheet = Image(draw_row(pictures, captions, SIDE_BY_SIDE_PX))
        return self._stamp.mark(sheet, target, {"engine": "mesh"}, self._shared_models, "png").data, reports

    def unload(self) -> None:
        """Forget the engine and every prepared reference."""
        self._references.clear()
        self._engine = None

    def _parts(self, options: SwapOptions) -> Parts:
        engine = self._loaded(options.engine)
        painter = engine if engine.name == PAINTER else None
        return Parts(
            detector=self._detector,
            embedder=self._embedder,
            check=self._check,
            engine=engine,
            marker=self._stamp,
            restorer=VIVID.load(self._embedder, painter, PAINTING) if options.restore else None,
            models=self._shared_models,
        )

    def _painter(self) -> Engine | None:
        """FLUX.1 for Vivid, where it is installed and an accelerator holds it: a processor would take hours."""
        if ENGINES[PAINTER].missing_libraries or missing_models(PAINTER, self._store) or device_name() == "cpu":
            return None
        try:
            return self._loaded(PAINTER)
        except (EngineUnavailable, LicenceNotAccepted, NotEnoughMemory):
            return None

    def _loaded(self, engine: str) -> Engine:
        """The engine by that name; another one is let go first."""
        if self._engine is None or self._engine.name != engine:
            self.unload()
            self._engine = ENGINES[engine].load(self._store)
        return self._engine

    def _prepared(self, reference: bytes, parts: Parts, clock: Stopwatch) -> Reference:
        key = hashlib.sha256(reference).hexdigest(), parts.engine.name
        if key not in self._references:
            self._references[key] = prepare(reference, parts, clock)
        self._references.move_to_end(key)
        while len(self._references) > KEPT_REFERENCES:
            self._references.popitem(last=False)
        return self._references[key]

    @cached_property
    def _shared_models(self) -> tuple[ModelUse, ...]:
        """The weight files that every swap takes."""
        return tuple(
            ModelUse(name, self._store.sha256(name, file.path))
            for name in ALWAYS
            for file in self._store.catalogue.model(name).files
        )

    @cached_property
    def _detector(self) -> MeshDetector:
        return MeshDetector(self._store.path("face-detection"), self._store.path("face-mesh"))

    @cached_property
    def _embedder(self) -> DlibEmbedder:
        return DlibEmbedder(self._store.path("identity-score"))

    @cached_property
    def _check(self) -> OpenNsfw:
        return OpenNsfw(self._store.path("content-check"))

    @cached_property
    def _stamp(self) -> Stamp:
        url = None if self._store.offline else time_stamp_url()
        return Stamp(self._store.path("watermark"), self._state, url)
