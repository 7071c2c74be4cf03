"""A masked likeness promises: what a network calls no face stays the target's bit for bit, with every engine."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.engine import MeshEngine
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.face import Face, Intent, Patch, Portrait
from mien_pipeline.image import Image
from mien_pipeline.masks.likeness import limit, limit_likeness
from mien_pipeline.masks.network import MaskReader
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.protocols import KnowsClips, Likeness, UsesModels
from mien_pipeline.skin.blend import paste_back
from mien_testing.masks import lay_cloth, write_masks
from mien_testing.swapper import Folder

ROWS = load_catalogue({}).masks
IDENTITY = np.eye(2, 3, dtype=np.float32)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> list[MaskReader]:
    weights = write_masks(tmp_path_factory.mktemp("masks"))
    return [MaskReader(weights, row) for row in ROWS.values()]


@dataclass(frozen=True)
class Painter:
    """A likeness that makes the face's box blue."""

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        blue = np.zeros_like(target.pixels)
        blue[..., 2] = 255
        mask = np.zeros(blue.shape[:2], np.float32)
        x1, y1, x2, y2 = face.bbox.astype(int)
        mask[y1:y2, x1:x2] = 1
        mesh = cast("np.ndarray[tuple[int, ...], np.dtype[np.float32]]", face.mesh)
        return Patch(blue, IDENTITY, mask, intent=Intent(mesh, mask, IDENTITY))


def test_without_masks_a_likeness_is_itself() -> None:
    painter = Painter()
    assert limit_likeness(painter, []) is painter


def test_what_lies_before_the_face_stays_bit_for_bit_and_is_no_part_of_the_new_face(
    readers: list[MaskReader], astronaut: Portrait
) -> None:
    (image, face), place = lay_cloth(astronaut)
    for reader in readers:
        patch = limit_likeness(Painter(), [reader]).render(image, face, parse_options({}), ignore_step)
        result = paste_back(image, patch).pixels
        assert np.array_equal(result[place], image.pixels[place])
        x, y = face.kps[0].astype(int)
        assert result[y, x, 2] > 240 > 15 > result[y, x, 0]
        assert patch.intent is not None
        assert not patch.intent.own[place].any()


def test_of_several_masks_each_takes_away_its_own(astronaut: Portrait, readers: list[MaskReader]) -> None:
    image, face = astronaut
    alone = [limit_likeness(Painter(), [each]).render(image, face, parse_options({}), ignore_step) for each in readers]
    both = limit_likeness(Painter(), readers).render(image, face, parse_options({}), ignore_step)
    assert np.array_equal(both.mask, np.minimum(alone[0].mask, alone[1].mask))


def test_a_face_of_which_a_quarter_is_covered_is_said_to_be(readers: list[MaskReader], astronaut: Portrait) -> None:
    image, face = astronaut
    covered = image.pixels.copy()
    covered[int(face.kps[:2, 1].mean()) :] = (0, 255, 0)
    options = parse_options({})
    likeness = limit_likeness(Painter(), readers)
    assert likeness.render(Image(covered), face, options, ignore_step).warnings == ("occluded",)
    assert likeness.render(image, face, options, ignore_step).warnings == ()


def test_outside_the_crop_that_a_network_saw_the_engines_own_mask_holds() -> None:
    mask = np.full((20, 20), 0.5, np.float32)
    seen = limit(
        mask, IDENTITY, np.zeros((4, 4), np.float32), IDENTITY + np.array([[0, 0, -8], [0, 0, -8]], np.float32)
    )
    assert not seen[8:12, 8:12].any()
    assert (seen[:7] == 0.5).all()
    assert (seen[:, 13:] == 0.5).all()


def test_mesh_and_a_gan_leave_the_cloth_alone_in_pictures_and_in_clips(
    readers: list[MaskReader], models: ModelStore, swapper_weights: Folder, admiral: Portrait, astronaut: Portrait
) -> None:
    (image, face), place = lay_cloth(astronaut)
    mesh = ENGINES["mesh"].load(models)
    assert isinstance(mesh, MeshEngine)
    made: dict[str, tuple[Likeness, SwapOptions]] = {
        "mesh": (mesh.prepare([admiral]), parse_options({"engine": "mesh"})),
        "ghost-1": (ENGINES["ghost-1"].load(swapper_weights).prepare([admiral]), parse_options({"engine": "ghost-1"})),
    }
    for likeness, options in made.values():
        limited = limit_likeness(likeness, readers)
        assert isinstance(limited, UsesModels)
        assert len(limited.models) == 2
        patches = [limited.render(image, face, options, ignore_step)]
        assert isinstance(limited, KnowsClips)
        known = limited.look(image, face, options)
        patches.append(limited.render_known(image, face, options, known, known, 0.0))
        for patch in patches:
            result = paste_back(image, patch).pixels
            assert np.array_equal(result[place], image.pixels[place])
            assert not np.array_equal(result, image.pixels)


def test_in_a_clip_what_comes_before_a_face_or_goes_between_two_looks_is_seen_at_once(
    readers: list[MaskReader], astronaut: Portrait
) -> None:
    (covered, face), place = lay_cloth(astronaut)
    likeness, options = limit_likeness(Painter(), readers), parse_options({})
    assert isinstance(likeness, KnowsClips)
    for seen, around, share in ((covered, astronaut.image, 0), (astronaut.image, covered, 1)):
        known = likeness.look(around, face, options)
        patch = likeness.render_known(seen, face, options, known, known, 0.5)
        assert float(patch.mask[place].mean()) == pytest.approx(share, abs=0.05)


def test_in_a_clip_an_edge_that_flickers_by_a_pixel_is_held(readers: list[MaskReader], astronaut: Portrait) -> None:
    (covered, face), _ = lay_cloth(astronaut)
    shaken = Image(np.roll(covered.pixels, 1, axis=1))
    likeness, options = limit_likeness(Painter(), readers), parse_options({})
    assert isinstance(likeness, KnowsClips)
    known = likeness.look(covered, face, options)
    held = likeness.render_known(shaken, face, options, known, known, 0.5).mask
    alone, before = (likeness.render(image, face, options, ignore_step).mask for image in (shaken, covered))
    assert np.abs(alone - before).sum() > 10
    assert np.abs(held - before).sum() < np.abs(alone - before).sum() / 10
