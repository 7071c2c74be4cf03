"""The people of the last few swaps, ready to be put in again: a run over a folder names the same ones every time."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mien_models.store import ModelStore
from mien_pipeline.face import Embedding
from mien_pipeline.masks.likeness import limit_likeness
from mien_pipeline.masks.rows import open_readers
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import Stopwatch
from mien_pipeline.protocols import Engine
from mien_pipeline.recently_used import RecentlyUsed
from mien_pipeline.swap import Components, embed_likes, prepare
from mien_pipeline.swap_image import Reference

if TYPE_CHECKING:
    from mien_pipeline.masks.network import MaskReader

# A prepared reference is an atlas and an embedding, a few megabytes. A job names at most 20 people.
KEPT_REFERENCES = 20


class PreparedReferences:
    """References prepared by one engine, and the mask networks that hold them back."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._references: RecentlyUsed[tuple[str, ...], Reference] = RecentlyUsed(KEPT_REFERENCES)
        self._likes: RecentlyUsed[tuple[str, ...], list[Embedding]] = RecentlyUsed(KEPT_REFERENCES)
        self._masks: RecentlyUsed[tuple[str, ...], Sequence[MaskReader]] = RecentlyUsed(1)

    def prepare_all(
        self,
        references: Sequence[bytes | Sequence[bytes]],
        options: SwapOptions,
        engine: Engine,
        parts: Components,
        clock: Stopwatch,
    ) -> list[Reference]:
        """Every person, their likeness held to the masks that the options name."""
        readers = self.open_masks(options)
        ready = [self.prepare(each, engine, parts, clock) for each in references]
        return [replace(each, likeness=limit_likeness(each.likeness, readers)) for each in ready] if readers else ready

    def open_masks(self, options: SwapOptions) -> "Sequence[MaskReader]":
        """The networks that the options name; they stay in memory until others are asked for."""
        return self._masks.get(options.masks, lambda: open_readers(self._store, options.masks))

    def prepare(
        self, reference: bytes | Sequence[bytes], engine: Engine, parts: Components, clock: Stopwatch
    ) -> Reference:
        """One person of one picture or several."""
        pictures = [reference] if isinstance(reference, bytes) else reference
        kind = parts.detection.kind if parts.detection else "yunet"
        judge = parts.judge.recogniser if parts.judge else ""
        key = engine.name, kind, judge, *(hashlib.sha256(each).hexdigest() for each in pictures)
        return self._references.get(key, lambda: prepare(pictures, engine, parts, clock))

    def find_likes(self, pictures: Sequence[bytes], options: SwapOptions, parts: Components) -> list[Embedding]:
        """Who is in the pictures that `options.likes` names; those of the last few swaps are known still."""
        handed = (hashlib.sha256(each).hexdigest() for each in pictures)
        return self._likes.get(
            (options.detector, *options.likes, *handed), lambda: embed_likes(pictures, options.likes, parts)
        )

    def clear(self) -> None:
        """Forget every person and the mask networks."""
        self._references.clear()
        self._likes.clear()
        self._masks.clear()
