"""The networks that every edit takes, whatever its engine: they find faces, tell people apart, check and mark."""

import hashlib
from dataclasses import replace
from functools import cached_property
from itertools import chain

from mien_core.errors import MarkingFailed
from mien_models.store import ModelStore
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.engines.registry import ALWAYS
from mien_pipeline.faces.arcface import ArcFaceEmbedder, find_arcface
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.detectors import Kind, OpenDetector, choose_kind, open_detector, open_yunet
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.options import SwapOptions
from mien_pipeline.protocols import Marker
from mien_pipeline.report import ModelUse
from mien_pipeline.swap import Components
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.content import OpenNsfw
from mien_pipeline.trust.marking import NoMarker, ResultMarker
from mien_pipeline.trust.time_stamp import time_stamp_url


class LoadedComponents:
    """Each network is loaded on first use, and stays."""

    def __init__(self, store: ModelStore, authority: Authority | None) -> None:
        """
        Args:
            store: where the weights are; a missing one raises `ModelNotInstalled` when it is needed.
            authority: what signs results; None for a process that hands out none.
        """
        self._store = store
        self._authority = authority
        self._detectors: dict[Kind, OpenDetector] = {}
        self._judges: dict[str, tuple[ArcFaceEmbedder, ModelUse]] = {}

    def choose(self, options: SwapOptions, entry: EngineEntry) -> Components:
        """Those of every edit, with the detector and the judge that the options and their engine want."""
        parts = self.usual
        if options.recogniser == "arcface":
            parts = self._judged_by_arcface(parts, entry)
        kind = choose_kind(options.detector, entry.points, self._store)
        if kind == "yunet":
            return parts
        if kind not in self._detectors:
            self._detectors[kind] = open_detector(kind, self._store, lambda: self.detector)
        found = self._detectors[kind]
        return replace(parts, detector=found.detector, detection=found)

    def _judged_by_arcface(self, parts: Components, entry: EngineEntry) -> Components:
        """`parts` with InsightFace's recogniser as the judge, named among the models."""
        name, path = find_arcface(self._store, {*entry.models, *chain(*entry.instead.values())})
        if name not in self._judges:
            with path.open("rb") as file:
                use = ModelUse(name, hashlib.file_digest(file, "sha256").hexdigest())
            self._judges[name] = ArcFaceEmbedder(path), use
        judge, use = self._judges[name]
        models = (*parts.models, replace(use, ran_on=judge.network.provider))
        return replace(parts, judge=judge, models=models)

    @cached_property
    def usual(self) -> Components:
        """Those of an edit that wants none in particular."""
        marker = self.marker if self._authority else NoMarker()
        return Components(self.detector, self.embedder, self.check, marker, self.models)

    @property
    def ready_marker(self) -> Marker | None:
        """The marker of `usual`, where that is loaded."""
        return self.usual.marker if "usual" in vars(self) else None

    @cached_property
    def marker(self) -> ResultMarker:
        """Marks results, and sheets of them.

        Raises:
            MarkingFailed: this process was made to hand out no results, or they could not be signed.
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
    def detector(self) -> MeshDetector:
        return open_yunet(self._store)

    @cached_property
    def embedder(self) -> DlibEmbedder:
        return DlibEmbedder(self._store.read("identity-score"))

    @cached_property
    def check(self) -> OpenNsfw:
        return OpenNsfw(self._store.path("content-check"))
