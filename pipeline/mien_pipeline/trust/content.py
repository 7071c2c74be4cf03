"""The content check: no picture that the open_nsfw network takes for sexual is swapped, shown or written.

It fails closed: a file that is missing or not the pinned one, a network that fails its self-test, an answer that is
not a probability all raise `CheckUnavailable`, and then nothing else may run. There is no switch. How many such
pictures it misses was not measured; on everyday photographs it blocks none of the test set.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mien_core.errors import CheckUnavailable, ContentBlocked
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.pyramid import halve
from mien_pipeline.trust.first_layer import fold_first_layer, fold_pixels

# Pinned in code, not in the catalogue: a catalogue can be replaced, the check must not be.
MODEL_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"

WHOLE_LIMIT = 0.5
TILE_LIMIT = 0.8  # a part without its context scores higher: skin fills it sooner

_INPUT_SIDE = 224
_RESIZED_SIDE = 256  # the network was trained on the centre of this; Mahadeokar and Pesavento, Yahoo, 2016
_MEAN_BGR = np.array([104, 117, 123], np.float32)
_WORKING_SIDE = 400  # tiles are cut from a picture of at least this short side, and still show more than is seen
_MIN_TILED_SIDE = 64  # a tile of fewer pixels shows the network nothing that the whole does not
_MOST_SQUASHED = 1.5  # of a tile; the network was trained on pictures squashed to squares, most of them this much
_STRIP = 5.0  # from this aspect on a tile is as high as the picture
_HALF_OVERLAPPING = 80  # tiles of a strip that share half with their neighbours; more than these share less
_REMEMBERED = 1024  # digests; the longest strip that is read has 500 tiles

# A pattern of 8 × 8 blurred colours, found by hill climbing, that shows nothing, and what the network says of it. Sums
# in another order change that by a millionth; zeros in the place of a four-hundredth of the weights by .026 and more.
_SELF_TEST_SCORE, _SELF_TEST_ERROR = 0.966, 0.01
_SELF_TEST_COLOURS = bytes.fromhex(
    "a17765ad8370f9ba74a087b0cdbb7fbd8557d5708ec76169ab7c6ac27f52ca6254d9a1509f576cc08c82ea997bdb81ac"
    "ddae90d49983fbb4b9ae48519b8d6ec17b7adbc4a2f58d6ce8af9dd19a82b4675ea4696fb5534affc0bef4a17acfb4a9"
    "c89484dca070ce9481d37b85964765d78c8fdbc599ca905ee57286c5bc72e47d8ac49eb0a3491dae9d77eaa5a3954a67"
    "d7856cb2a971bd7577ffceca974c36ac3756c2605e7d3780f88d40f83a7dcf8a76cd627af7dbacc2838198af85d377b1"
)


class OpenNsfw:
    """The check that every picture passes; constructed once a process, which is when the file is hashed."""

    def __init__(self, model: Path) -> None:
        """Raises `CheckUnavailable` unless the file is the pinned one and the network answers as it must."""
        try:
            data = model.read_bytes()
        except OSError as error:
            raise CheckUnavailable("the content check's model cannot be read", reason="missing") from error
        # Hashed and parsed from the same bytes: the file cannot be exchanged in between.
        if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
            raise CheckUnavailable("the content check's model is not the pinned file", reason="replaced")
        try:
            self._net = cv2.dnn.readNetFromONNX(
                np.frombuffer(fold_first_layer(data), np.uint8), cv2.dnn.ENGINE_CLASSIC
            )  # loads in half the time
        except cv2.error as error:
            raise CheckUnavailable("the content check's model cannot be loaded", reason="failed") from error
        self._passed: OrderedDict[bytes, None] = OrderedDict()
        self._prove_itself()

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        """Return in silence, or raise.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            stage: "target", "reference" or "result", for the error.
            is_turned: the picture is not upright, and is looked at upright as well: the whole has the limit of a part.

        Raises:
            ContentBlocked: with the stage and nothing else.
            CheckUnavailable: no verdict could be had.
        """
        for view, limit in _prepare_views(pixels):
            limit = TILE_LIMIT if is_turned else limit
            digest = hashlib.blake2b(view.tobytes(), digest_size=16, person=str(limit).encode()).digest()
            if digest in self._passed:
                continue
            if not self._score(view) < limit:
                raise ContentBlocked(f"the {stage} picture did not pass the content check", stage=stage)
            self._remember(digest)

    def _score(self, view: Pixels) -> float:
        """0..1 for one view, (224, 224, 3) uint8 RGB."""
        try:
            self._net.setInput(_to_network_input(view)[None])
            answer = np.asarray(self._net.forward(), np.float64).reshape(-1)
        except (cv2.error, MemoryError) as error:
            raise CheckUnavailable("the content check failed", reason="failed") from error
        # Two probabilities; anything else is no verdict, and no verdict is no pass.
        if answer.shape != (2,) or not math.isclose(answer.sum(), 1, abs_tol=1e-3) or answer.min() < 0:
            raise CheckUnavailable("the content check gave no verdict", reason="no-verdict")
        return float(answer[1])

    def _remember(self, digest: bytes) -> None:
        """Keep a view that passed: a result differs from its target in few tiles, and the rest need not pass again."""
        self._passed[digest] = None
        if len(self._passed) > _REMEMBERED:
            self._passed.popitem(last=False)

    def _prove_itself(self) -> None:
        """Score a picture that must not pass: no network but the right one, rightly computed, says just that of it."""
        score = self._score(_prepare_whole(self_test_picture(_RESIZED_SIDE)))
        if not abs(score - _SELF_TEST_SCORE) < _SELF_TEST_ERROR:
            raise CheckUnavailable("the content check fails its self-test", reason="failed")


def self_test_picture(side: int) -> Pixels:
    """A square picture that shows nothing and must not pass: it proves that the check can refuse."""
    colours = np.frombuffer(_SELF_TEST_COLOURS, np.uint8).reshape(8, 8, 3).astype(np.float32)
    blurred = cv2.resize(colours, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(blurred, 0, 255), np.uint8)


def _prepare_views(pixels: Pixels) -> Iterator[tuple[Pixels, float]]:
    """What the network sees of one picture, each (224, 224, 3) uint8 RGB with its limit: the whole, then tiles."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise CheckUnavailable("the content check was handed something that is no picture", reason="failed")
    small = halve(pixels, _WORKING_SIDE)
    yield _prepare_whole(small), WHOLE_LIMIT
    for top, bottom, left, right in _tile_boxes(*small.shape[:2]):
        tile = _pad_to_square(np.ascontiguousarray(small[top:bottom, left:right]))
        yield _resize(tile, _INPUT_SIDE, _INPUT_SIDE), TILE_LIMIT


def _tile_boxes(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Top, bottom, left and right of the tiles of a picture, none squashed by more than `_MOST_SQUASHED`.

    Every point lies in some tile. Two rows and two columns for 4:3 and 3:2, more columns the longer it is; a strip has
    one row of squares.
    """
    short, long = sorted((height, width))
    if long < _STRIP * short and short < _MIN_TILED_SIDE:
        return []
    if long < _STRIP * short:
        count = max(2, math.ceil(3 * long / (_MOST_SQUASHED * short)) - 1)
        spans = {short: _spread(short, 2, math.ceil(2 * short / 3))}
        spans[long] = _spread(long, count, math.ceil(2 * long / (count + 1))) if long > short else spans[short]
    else:
        extent = min(long, max(short, _MIN_TILED_SIDE))
        halves = max(1, math.ceil(2 * long / extent) - 1)
        count = halves if halves <= _HALF_OVERLAPPING else max(_HALF_OVERLAPPING, math.ceil(long / extent))
        spans = {short: [(0, short)], long: _spread(long, count, extent)}
    return [(top, bottom, left, right) for top, bottom in spans[height] for left, right in spans[width]]


def _spread(length: int, count: int, extent: int) -> list[tuple[int, int]]:
    """Starts and ends of `count` spans of `extent`, evenly from one end to the other."""
    starts = np.linspace(0, length - extent, count).round().astype(int)
    return [(int(start), int(start) + extent) for start in starts]


def _pad_to_square(tile: Pixels) -> Pixels:
    """A tile of a strip that is lower than the smallest tile, between bars of what the network takes for nothing."""
    height, width = tile.shape[:2]
    if max(height, width) <= _MOST_SQUASHED * min(height, width) + 1:
        return tile
    side = max(height, width)
    square = np.empty((side, side, 3), np.uint8)
    square[:] = _MEAN_BGR[::-1]
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = tile
    return square


def _prepare_whole(pixels: Pixels) -> Pixels:
    edge = (_RESIZED_SIDE - _INPUT_SIDE) // 2
    return _resize(pixels, _RESIZED_SIDE, _RESIZED_SIDE)[edge:-edge, edge:-edge]


def _resize(pixels: Pixels, width: int, height: int) -> Pixels:
    shrinks = width < pixels.shape[1] and height < pixels.shape[0]
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=mode), np.uint8)


def _to_network_input(view: Pixels) -> Floats:
    """(112, 112, 12) float32 of (224, 224, 3) uint8 RGB: BGR around the training set's mean, folded."""
    return fold_pixels(view[..., ::-1] - _MEAN_BGR)
