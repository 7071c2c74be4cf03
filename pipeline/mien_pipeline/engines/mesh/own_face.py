"""Which pixels of a target are its own face: what the new one may take the place of."""

import hashlib
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.engines.mesh.beard import find_full_beard
from mien_pipeline.engines.mesh.hidden import find_hidden_eye, find_hidden_features
from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import transform
from mien_pipeline.faces.grid import Box
from mien_pipeline.faces.hands import HandFinder
from mien_pipeline.faces.segment import PersonSegmenter
from mien_pipeline.image import Affine, Floats, Mask, Pixels
from mien_pipeline.protocols import Weights
from mien_pipeline.report import ModelUse, SwapWarning
from mien_pipeline.skin.covers import find_covers
from mien_pipeline.skin.eyewear import find_frame
from mien_pipeline.skin.hand_shapes import draw_hand
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import FaceView, covers_features, disc, skin_in_view, view_face
from mien_pipeline.skin.silhouette import PROFILE_FROM_DEG, find_background, is_profile
from mien_pipeline.skin.sunglasses import hides_eyes
from mien_pipeline.skin.tongue import tongue_mask

MODEL = "covers"
FILES = ("selfie_segmentation.tflite", "palm_detection_lite.tflite", "hand_landmark_lite.tflite")
# Share of the face that is covered from which a cover is named where no hand is seen. On turned heads without any cover
# a mouth, an eye or the far cheek that hardly shows was .04 to .06 of it, covers were .09 at least.
_LARGE = 0.065
_HAND_MARGIN, _HAND_SHADOW = 0.35, 0.015  # face widths: around a face in which hands are cut out; of their shadow


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What networks see around a face, in the pixels of the region that is rendered.

    Attributes:
        hands: waits for the joints of hands, (21, 2) float32 each.
        person: (h, w) float32 in 0..1, how sure each pixel shows a person; None where that is not known.
        to_region: (2, 3) float32, from `person` to the region.
        bearded: whether the face has a full beard, where other pictures have told.
    """

    hands: Callable[[], Sequence[Floats]] = tuple
    person: Mask | None = None
    to_region: Affine | None = None
    bearded: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OwnFace:
    """What of a target is its own face.

    Attributes:
        mask: (H, W) float32 in 0..1, 1 where it is.
        warnings: what covers it.
        beard: see `find_full_beard`; it stays the target's.
    """

    mask: Mask
    warnings: tuple[SwapWarning, ...]
    beard: Mask | None = None


class SurroundingsReader:
    """The networks for persons, palms and hands."""

    def __init__(self, person: bytes, palm: bytes, landmarks: bytes) -> None:
        """Load them from the bytes of their files.

        Raises:
            cv2.error: a file is damaged.
        """
        self._person, self._hands = PersonSegmenter(person), HandFinder(palm, landmarks)
        self.models = tuple(ModelUse(MODEL, hashlib.sha256(each).hexdigest()) for each in (person, palm, landmarks))

    @classmethod
    def load(cls, weights: Weights) -> "SurroundingsReader":
        """Raises `ModelNotInstalled` when a file is not there."""
        person, palm, landmarks = (weights.read(MODEL, file) for file in FILES)
        return cls(person, palm, landmarks)

    def sees_profile(self, pixels: Pixels, mesh: Mesh, yaw_deg: float) -> bool:
        """Whether a face is a profile, whatever its mesh says: see `silhouette.is_profile`."""
        return abs(yaw_deg) > PROFILE_FROM_DEG and is_profile(*self._person.segment(pixels, mesh), mesh, yaw_deg)

    def find_hands_before(self, pixels: Pixels, mesh: Mesh) -> Pixels | None:
        """See `find_hands_before`; `pixels` (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels."""
        return find_hands_before(pixels, mesh, self._hands.find(pixels, mesh))

    @contextmanager
    def reading(self, pixels: Pixels, mesh: Mesh, to_region: Affine) -> Generator[Surroundings]:
        """What is around a face. Hands, which take the longest, are looked for while the block runs.

        Args:
            pixels: (H, W, 3) uint8 RGB, the whole picture.
            mesh: (468, 3) float32 in its pixels.
            to_region: (2, 3) float32, from its pixels to those of the region that is rendered.
        """
        with ThreadPoolExecutor(1) as beside:
            looking = beside.submit(self._hands.find, pixels, mesh)
            person, back = self._person.segment(pixels, mesh)
            both = np.vstack([to_region, [0, 0, 1]]) @ np.vstack([back, [0, 0, 1]])

            def wait_for_hands() -> list[Floats]:
                return [transform(joints, to_region) for joints in looking.result()]

            yield Surroundings(wait_for_hands, person, both[:2].astype(np.float32))


def find_hands_before(pixels: Pixels, mesh: Mesh, hands: Sequence[Floats]) -> Pixels | None:
    """(H, W) uint8, 255 where hands hide a face and in their shadow; None where they do not.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mesh: (468, 3) float32 in its pixels.
        hands: (21, 2) float32 each, their joints in its pixels.
    """
    if not hands:
        return None
    box = Box.around(mesh, _HAND_MARGIN, pixels.shape)
    small, view = view_face(pixels[box.part], box.to_local(mesh))
    scale = np.divide(small.shape[1::-1], box.shape[1::-1], dtype=np.float32)
    joints = [((each - (box.left, box.top) + 0.5) * scale - 0.5).astype(np.float32) for each in hands]
    covers = find_covers(small, view, joints, (), np.zeros(view.oval.shape, np.bool_)).mask
    _, pieces = cv2.connectedComponents(covers.astype(np.uint8))
    sure = np.logical_or.reduce([draw_hand(small.shape, each)[0] > 0 for each in joints])
    held = covers & np.isin(pieces, pieces[sure & covers])
    if not (held & (view.oval > 0)).any():
        return None
    wide = cv2.dilate(held.astype(np.uint8) * np.uint8(255), disc(max(1, round(_HAND_SHADOW * view.width))))
    whole = np.zeros(pixels.shape[:2], np.uint8)
    whole[box.part] = cv2.resize(wide, box.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return whole


def find_own_face(target: Pixels, mesh: Mesh, surroundings: Surroundings, reference: Pixels) -> OwnFace:
    """Where the target shows its own face, and not hair, covers, background or the rims of glasses.

    Args:
        target: (H, W, 3) uint8 RGB.
        mesh: (468, 3) float32 in its pixels.
        surroundings: of the face.
        reference: (S, S, 3) uint8 RGB, the texture of another face, to know what features look like.
    """
    with ThreadPoolExecutor(1) as beside:
        lenses, tongue = beside.submit(hides_eyes, target, mesh), beside.submit(tongue_mask, target, mesh)
        beard = beside.submit(find_full_beard, target, mesh, bearded=surroundings.bearded)
        small, view = view_face(target, mesh)
        scale = np.divide(small.shape[1::-1], target.shape[1::-1], dtype=np.float32)
        background = _find_background(surroundings, view, scale)
        hidden, frame = set(find_hidden_features(target, mesh, reference)), find_frame(target, mesh)
        if lenses.result():
            hidden |= {"left eye", "right eye"}  # a mirroring lens has as much contrast as an eye
        eye = None if frame.any() or hidden else find_hidden_eye(target, mesh)
        if eye:
            hidden.add(eye)
        hands = [((joints + 0.5) * scale - 0.5).astype(np.float32) for joints in surroundings.hands()]
        covers = find_covers(small, view, hands, hidden, background)
        skin = skin_in_view(target, small, view, covers.mask | background)
        if covers.any:
            named = bool(hands) or float(covers.mask[view.oval > 0].mean()) >= _LARGE
        else:
            named = bool(hidden) and covers_features(skin, mesh)
        shown = np.minimum(skin, np.minimum(1 - frame, 1 - tongue.result()))
        full_beard = None if "mouth" in hidden else beard.result()
    warnings: tuple[SwapWarning, ...] = ("occluded",) if named or frame.any() else ()
    return OwnFace(shown, warnings if full_beard is None else (*warnings, "beard-kept"), full_beard)


def _find_background(surroundings: Surroundings, view: FaceView, scale: Floats) -> Choice:
    """(h, w) bool, the size of the view: background inside the oval; `scale` (2,) leads from the region to the view."""
    if surroundings.person is None or surroundings.to_region is None:
        return np.zeros(view.oval.shape, np.bool_)
    affine = surroundings.to_region * scale[:, None]
    affine[:, 2] += (scale - 1) / 2
    size = view.oval.shape[1], view.oval.shape[0]
    seen = cv2.warpAffine(
        surroundings.person, affine.astype(np.float32), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return find_background(np.asarray(seen, np.float32), view)
