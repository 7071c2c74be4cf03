"""A new face that an engine made in a key picture goes along with the mesh, in each picture's own light.

The engine of these tests paints a face in other colours, wherever it is: what it would make of a picture between two
keys is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien_pipeline.clips.analysis import Analysis, PersonSeen, TrackPlan
from mien_pipeline.clips.carried import CarriedLikeness
from mien_pipeline.clips.looks import find_keys
from mien_pipeline.clips.render import ClipSwap, PersonTally
from mien_pipeline.clips.steadiness import plan_shares
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.faces.detect import describe_face
from mien_pipeline.image import Floats, Image, Mask, Pixels
from mien_pipeline.media.clip.join import Span
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep
from mien_pipeline.skin.mask import oval_mask
from mien_pipeline.swap_image import Reference
from mien_testing.clips import Recipe, make_clip
from mien_testing.portraits import mesh_of

OPTIONS = SwapOptions(engine="any")
WHOLE: Floats = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


@dataclass
class Painter:
    """An engine of stills: red and blue change places in the face, times `gain`; it counts what it rendered."""

    gain: float = 1.0
    rendered: list[Face] = field(default_factory=list[Face])

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        self.rendered.append(face)
        return Patch(self.paint(target.pixels), WHOLE, self.mask_for(target, face), ("small-face",))

    def paint(self, pixels: Pixels) -> Pixels:
        return np.asarray(np.clip(pixels[..., ::-1] * self.gain, 0, 255), np.uint8)

    def mask_for(self, target: Image, face: Face) -> Mask:
        assert face.mesh is not None
        return oval_mask(target.pixels.shape, face.mesh)


def move(portrait: Portrait, right: int, down: int) -> Portrait:
    """The picture and its face, both moved by whole pixels."""
    image, face = portrait
    pixels = np.roll(image.pixels, (down, right), (0, 1))
    return Portrait(Image(pixels), describe_face(mesh_of((image, face)) + np.array([right, down, 0], np.float32), 1.0))


def inside(patch: Patch) -> Any:
    """Where the patch shows the new face alone."""
    return patch.mask > 0.99


def cut(pixels: Any, patch: Patch) -> Any:
    """What of a picture a patch with a whole-pixel shift lies on."""
    left, top = (-patch.affine[:, 2]).astype(int)
    return pixels[top : top + patch.mask.shape[0], left : left + patch.mask.shape[1]]


def test_a_key_picture_shows_what_the_engine_made(astronaut: Portrait) -> None:
    painter = Painter()
    carried = CarriedLikeness(painter)
    key = carried.look(*astronaut, OPTIONS)
    patch = carried.render_known(*astronaut, OPTIONS, key, key, 0.0)
    made = painter.paint(astronaut.image.pixels)
    assert np.array_equal(patch.crop[inside(patch)], cut(made, patch)[inside(patch)])
    assert inside(patch).mean() > 0.4
    assert patch.warnings == ("small-face",)
    assert len(painter.rendered) == 1


def test_between_two_keys_the_face_is_where_the_mesh_is(astronaut: Portrait) -> None:
    """The face moves by 12 pixels; half-way it looks as the engine would have made it, and the engine is not asked."""
    painter = Painter()
    carried, between, last = CarriedLikeness(painter), move(astronaut, 6, 2), move(astronaut, 12, 4)
    one, other = (carried.look(*each, OPTIONS) for each in (astronaut, last))
    patch = carried.render_known(*between, OPTIONS, one, other, 0.5)
    wanted = cut(painter.paint(between.image.pixels), patch)[inside(patch)]
    assert np.abs(patch.crop[inside(patch)].astype(int) - wanted).mean() < 1
    assert np.array_equal(patch.mask > 0, cut(painter.mask_for(*between), patch) > 0)
    assert len(painter.rendered) == 2


def test_the_nearer_key_counts_for_more(astronaut: Portrait) -> None:
    dark, light = (CarriedLikeness(Painter(gain)).look(*astronaut, OPTIONS) for gain in (0.5, 0.9))
    carried = CarriedLikeness(Painter())
    means = [
        float(patch.crop[inside(patch)].mean())
        for share in (0.0, 0.25, 0.75, 1.0)
        for patch in [carried.render_known(*astronaut, OPTIONS, dark, light, share)]
    ]
    assert means == sorted(means)
    assert (means[1] - means[0]) / (means[3] - means[0]) == pytest.approx(0.25, abs=0.02)


def test_the_face_is_lit_as_its_picture_is(astronaut: Portrait) -> None:
    """A lamp goes out between two pictures: the new face is as dark as the engine would have made it."""
    painter = Painter()
    carried = CarriedLikeness(painter)
    key = carried.look(*astronaut, OPTIONS)
    dim = Image((astronaut.image.pixels * 0.6).astype(np.uint8))
    patch = carried.render_known(dim, astronaut.face, OPTIONS, key, key, 0.0)
    wanted, made = (
        float(cut(painter.paint(image.pixels), patch)[inside(patch)].mean()) for image in (dim, astronaut.image)
    )
    shown = float(patch.crop[inside(patch)].mean())
    assert abs(shown - wanted) < 0.15 * abs(made - wanted)


def test_what_passes_before_the_face_is_not_painted_over(astronaut: Portrait) -> None:
    carried = CarriedLikeness(Painter())
    key = carried.look(*astronaut, OPTIONS)
    x1, y1, x2, y2 = astronaut.face.bbox.astype(int)
    pixels = astronaut.image.pixels.copy()
    bar = slice((y1 + y2) // 2, (y1 + y2) // 2 + (y2 - y1) // 5)
    pixels[bar, x1:x2] = (30, 60, 40)
    patch = carried.render_known(Image(pixels), astronaut.face, OPTIONS, key, key, 0.0)
    mask = np.zeros(pixels.shape[:2], np.float32)
    cut(mask, patch)[:] = patch.mask
    quarter = (x2 - x1) // 4
    assert mask[bar.start + 4 : bar.stop - 4, x1 + quarter : x2 - quarter].max() < 0.1
    assert mask[y1 + (y2 - y1) // 4, (x1 + x2) // 2] > 0.9


def test_masks_look_at_every_picture(astronaut: Portrait) -> None:
    """What limits a likeness limits the carried face in each picture, and not the key's alone."""

    @dataclass
    class Limited:
        likeness: Painter

        def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
            return self.finish(self.likeness.render(target, face, options, on_step), target, face)

        def finish(self, patch: Patch, target: Image, face: Face) -> Patch:
            return replace(patch, mask=patch.mask * 0.5, warnings=(*patch.warnings, "occluded"))

    carried = CarriedLikeness(Limited(Painter()))
    key = carried.look(*astronaut, OPTIONS)
    patch = carried.render_known(*astronaut, OPTIONS, key, key, 0.0)
    assert patch.mask.max() == pytest.approx(0.5)
    assert patch.warnings == ("small-face", "occluded")


def test_a_key_in_which_the_engine_paints_nothing_fades_the_face_out(astronaut: Portrait) -> None:
    class Refuser(Painter):
        def mask_for(self, target: Image, face: Face) -> Mask:
            return np.zeros(target.pixels.shape[:2], np.float32)

    carried, nothing = CarriedLikeness(Painter()), CarriedLikeness(Refuser()).look(*astronaut, OPTIONS)
    key = carried.look(*astronaut, OPTIONS)
    most = [float(carried.render_known(*astronaut, OPTIONS, key, nothing, at).mask.max()) for at in (0, 0.5, 1)]
    assert most == pytest.approx([1, 0.5, 0], abs=1e-3)


def track(first: int, shares: Any, stirred: tuple[int, ...] = (), meshes: Any = None) -> TrackPlan:
    nothing: Any = np.zeros(len(shares), np.bool_)
    moved: Any = np.isin(np.arange(len(shares)), stirred)
    placed = np.zeros((len(shares), 468, 3), np.float32) if meshes is None else meshes
    return TrackPlan(0, first, placed, np.asarray(shares, np.float32), nothing, nothing, moved, nothing)


def test_keys_are_the_first_the_last_and_every_nth_picture_of_a_track() -> None:
    assert find_keys(track(5, [1.0] * 19), 6) == [5, 11, 17, 23]
    assert find_keys(track(5, [1.0] * 18), 6) == [5, 11, 17, 22]
    assert find_keys(track(7, [1.0]), 6) == [7]
    assert find_keys(track(5, [0.0] * 5), 6) == []


def test_where_a_face_is_hidden_keys_end_and_begin_anew() -> None:
    hidden: Any = np.zeros(40, np.bool_)
    hidden[18:22] = True
    shares = plan_shares(hidden, opens=False, closes=False)
    assert find_keys(track(0, shares), 10) == [0, 10, 17, 22, 32, 39]


def test_what_passes_makes_a_key() -> None:
    assert find_keys(track(5, [1.0] * 12, stirred=(3, 4)), 6) == [5, 8, 9, 11, 16]


COUNT, STEP = 12, 2
SEEN_LATE = 7  # pictures that `LatePainter` cannot render


@pytest.fixture(scope="module")
def moving(astronaut: Portrait, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Analysis]:
    """A small clip of a face that goes to the right, and its analysis."""
    pixels = np.ascontiguousarray(astronaut.image.pixels[:256, 96:352])

    def draw(number: int, _: tuple[int, int]) -> Pixels:
        return np.asarray(np.roll(pixels, STEP * number, 1), np.uint8)

    path = tmp_path_factory.mktemp("moving") / "a.mp4"
    make_clip(path, Recipe(size=(256, 256), times=tuple(range(COUNT))), draw)
    mesh = mesh_of(astronaut) - np.array([96, 0, 0], np.float32)
    meshes = np.stack([mesh + np.array([STEP * number, 0, 0], np.float32) for number in range(COUNT)])
    person = PersonSeen(np.zeros(4, np.float32), pixels[:8, :8], mesh)
    marks = np.zeros((1, 3, 8, 8), np.int8)
    info = probe_clip(path)
    tick = int(1 / (30 * info.time_base))
    span = Span(tuple(number * tick for number in range(COUNT)), COUNT * tick, True)
    return path, Analysis(span, (0,), (person,), (track(0, [1.0] * COUNT, meshes=meshes),), marks, "none")


class NoOne:
    """Measures nothing, and blocks nothing."""

    recogniser = "none"

    def embed(self, image: Image, face: Face) -> Floats:
        return np.zeros(4, np.float32)

    def similarity(self, one: Floats, other: Floats) -> float:
        return 0.0

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None: ...


def open_swap(moving: tuple[Path, Analysis], painter: Painter) -> ClipSwap:
    """A swap with a key in every four."""
    path, analysis = moving
    reference = Reference(painter, np.zeros(4, np.float32))
    return ClipSwap(probe_clip(path), analysis, {0: reference}, OPTIONS, NoOne(), NoOne(), every=4)


def render(moving: tuple[Path, Analysis], painter: Painter, first: int, stop: int) -> Iterator[bytes]:
    """The planes of pictures of the clip, from a process that has made no other segment."""
    return make_segment(open_swap(moving, painter), first, stop)


def make_segment(swap: ClipSwap, first: int, stop: int) -> Iterator[bytes]:
    for frame in swap.render(first, stop, {}, lambda: None):
        yield b"".join(plane.tobytes() for plane in frame.planes)


def test_segments_have_the_same_pictures_wherever_a_clip_is_cut(moving: tuple[Path, Analysis]) -> None:
    """A run that was killed, or a guest, begins in the middle: keys outside its segment are made again, bit for bit."""
    whole = list(render(moving, Painter(), 0, COUNT))
    parts = [
        picture for first, stop in ((0, 5), (5, 7), (7, COUNT)) for picture in render(moving, Painter(), first, stop)
    ]
    assert parts == whole


@pytest.mark.parametrize("backwards", [False, True])
def test_a_key_between_two_segments_is_rendered_once(moving: tuple[Path, Analysis], *, backwards: bool) -> None:
    painter, cuts = Painter(), [(0, 5), (5, 7), (7, COUNT)]
    swap = open_swap(moving, painter)
    made = {cut: list(make_segment(swap, *cut)) for cut in (reversed(cuts) if backwards else cuts)}
    assert [picture for cut in cuts for picture in made[cut]] == list(render(moving, Painter(), 0, COUNT))
    assert len(painter.rendered) == 4


@pytest.mark.parametrize(("first", "stop", "keys"), [(0, COUNT, 4), (5, 7, 2), (8, 9, 1)])
def test_the_engine_renders_the_keys_alone(moving: tuple[Path, Analysis], first: int, stop: int, keys: int) -> None:
    painter = Painter()
    assert len(list(render(moving, painter, first, stop))) == stop - first
    assert len(painter.rendered) == keys


class LatePainter(Painter):
    """It cannot render the first pictures that it is handed."""

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        patch = super().render(target, face, options, on_step)
        is_late = len(self.rendered) > SEEN_LATE
        return patch if is_late else replace(patch, mask=np.zeros_like(patch.mask))


class Looks(NoOne):
    """A content check that counts."""

    def __init__(self) -> None:
        self.count = 0

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        self.count += 1


def test_a_result_that_could_not_be_looked_at_in_its_segment_is_looked_at_in_the_next(
    moving: tuple[Path, Analysis],
) -> None:
    """The engine fails at the clip's first seven pictures; its second segment alone knows no better than that the
    first was looked at."""
    path, analysis = moving
    painter, looks = LatePainter(), Looks()
    reference = Reference(painter, np.zeros(4, np.float32))
    swap = ClipSwap(probe_clip(path), analysis, {0: reference}, OPTIONS, NoOne(), looks)
    tallies = dict[int, PersonTally]()
    assert len(list(swap.render(0, 5, tallies, lambda: None))) == 5
    assert looks.count == 1
    assert (tallies[0].frames, tallies[0].swapped) == (5, 0)
    assert len(list(swap.render(5, COUNT, {}, lambda: None))) == COUNT - 5
    assert looks.count == 1
