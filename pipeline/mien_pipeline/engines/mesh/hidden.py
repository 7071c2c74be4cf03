"""Which features of a face do not show where the mesh has them: something hides them."""

from functools import cache

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.facing import vertex_visibility
from mien_pipeline.faces.grid import Box
from mien_pipeline.faces.raster import Raster, extend_edges, rasterise
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_lab_codes
from mien_pipeline.media.pyramid import shrink
from mien_pipeline.skin.covers import Feature
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import disc

SIDE = 128  # of the texture in which features are compared

# Contrast of log light that a feature has where it shows. On 110 faces eyes had .114 at least, mouths .138 and
# nostrils .067; covered ones .01 to .11.
_EYE_CONTRAST, _MOUTH_CONTRAST, _NOSE_CONTRAST = 0.11, 0.11, 0.05
# Correlation with the reference's feature, and with the face's own mirror image, below which a feature is doubted.
# Open eyes reached .79 to .98; another expression takes a mouth to .4.
_EYE_LIKENESS, _MOUTH_LIKENESS = 0.55, 0.4
# A feature of more contrast than this is there, in another expression; what looks neither like the reference's nor
# like its mirror image is not a mouth, whatever its contrast, on a face that is seen from the front.
_EYE_CLEAR, _MOUTH_CLEAR, _MOUTH_SYMMETRY, _HALF_SYMMETRY, _FRONTAL = 0.16, 0.2, 0.3, 0.6, 0.3
# A hidden eye's contrast by the other eye's; a wink has .8. The likeness of what is no eye at all.
_FAINTER, _STRANGE_EYE = 0.62, 0.35
_WORSE = 0.1  # by which an eye must be less like the reference's than the other eye is
_FAINT_MOUTH, _BARELY_REDDER, _FAINT_LIKENESS = 0.145, 1.5, 0.65  # contrast and red of fingers in front of a mouth
_REDDER, _MUCH_REDDER = 3.0, 6.0  # levels of a in Lab, by which lips that show are redder than around them
_SHIFT = 2  # pixels of the texture by which features may be apart
_FINE, _COARSE = 1.2, 14.0  # pixels of the texture: what is compared lies between
_MARGIN = 3  # pixels of the texture around a feature that count
_MOST = 0.5  # of an eye's vertices, which no other part of the face hides where it can be judged
_FACES_US = 0.2  # the mean facing of a feature that can be judged
_NOSTRILS = (98, 2, 327, 64, 294, 1, 48, 278)
# What an eye on the viewer's left looks like on the texture, after `_flatten`, in hundredths: the mean of the demo's
# three portraits and their mirror images. Of 44 eyes that show, in 29 photographs, most are as like it as .6 and all
# but those of profiles as .44; behind hair or dark glasses they reach .32 but once. A drawn wink has .37 at least.
_EYE_AT, _EYE_SIZE = (32, 40), (28, 15)
_TYPICAL_EYE = (
    (-8, -12, -9, 0, 5, 6, 2, -4, -12, -8, 2, 17),
    (-15, -6, 1, 3, -2, -8, -13, -10, -5, -6, -5, 7),
    (-12, -4, -6, -15, -29, -47, -52, -34, -14, -5, -5, 1),
    (-5, -11, -18, -24, -33, -60, -63, -31, -15, -8, -4, 0),
    (9, -2, -9, -12, -16, -35, -36, -10, -3, -1, 2, 4),
    (23, 14, 9, 5, 5, 1, 1, 8, 9, 10, 10, 9),
    (32, 28, 23, 19, 21, 21, 19, 19, 19, 18, 14, 11),
    (35, 34, 30, 26, 27, 27, 26, 26, 26, 22, 15, 13),
)
_NO_EYE, _SURELY_EYE = 0.35, 0.6  # likeness to it, up to which an eye is hidden; from which the other one shows


def find_hidden_features(pixels: Pixels, mesh: Mesh, reference: Pixels) -> tuple[Feature, ...]:
    """The features of a face that do not show.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mesh: (468, 3) float32 in its pixels.
        reference: (S, S, 3) uint8 RGB, the texture of another face, to know what features look like.
    """
    unrolled = unroll_small(pixels, mesh)
    own = _flatten(unrolled)
    other = _flatten(np.asarray(cv2.resize(reference, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8))
    mirrored = np.ascontiguousarray(own[:, ::-1])
    found: list[Feature] = [name for name in _eyes() if _is_eye_hidden(name, mesh, own, other, mirrored)]
    if float(own[_draw(_NOSTRILS)].std()) < _NOSE_CONTRAST:
        found.append("nose")
    across = mesh[454] - mesh[234]
    frontal = abs(float(across[2])) < _FRONTAL * float(np.linalg.norm(across))
    if _is_mouth_hidden(unrolled, own, other, mirrored, frontal):
        found.append("mouth")
    return tuple(found)


def find_hidden_eye(pixels: Pixels, mesh: Mesh) -> Feature | None:
    """The eye that does not show where the other one does: behind hair, a hand, or in a shade without detail.

    None where the head itself hides most of one, turned away: nothing lies before that eye.
    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
    """
    own = _flatten(unroll_small(pixels, mesh))
    likes: dict[Feature, float] = {
        name: _correlate(own, _draw_typical_eyes(), _draw(vertices)) for name, vertices in _eyes().items()
    }
    hidden = min(likes, key=lambda name: likes[name])
    if likes[hidden] >= _NO_EYE or max(likes.values()) <= _SURELY_EYE:
        return None
    visible = vertex_visibility(mesh)
    turned = any(float(visible[list(vertices)].mean()) < _MOST for vertices in _eyes().values())
    return None if turned else hidden


def has_faint_eyes(texture: Pixels) -> bool:
    """Whether haze leaves so little of both eyes of a texture (S, S, 3) uint8 RGB that they would be smears."""
    own = _flatten(np.asarray(cv2.resize(texture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8))
    return max(float(own[_draw(vertices)].std()) for vertices in _eyes().values()) < _EYE_CONTRAST


@cache
def _draw_typical_eyes() -> Floats:
    """(SIDE, SIDE) both eyes as `_flatten` shows them, 0 elsewhere."""
    drawn, (left, top), (width, height) = np.zeros((SIDE, SIDE), np.float32), _EYE_AT, _EYE_SIZE
    eye = np.asarray(
        cv2.resize(np.array(_TYPICAL_EYE, np.float32) / 100, (width, height), interpolation=cv2.INTER_CUBIC)
    )
    drawn[top : top + height, left : left + width] = eye
    return drawn + drawn[:, ::-1]


def _is_eye_hidden(name: Feature, mesh: Mesh, own: Floats, other: Floats, mirrored: Floats) -> bool:
    """Whether an eye has no contrast, or less than the other eye and another form than it and the reference's have."""
    mine = _draw(_eyes()[name])
    theirs = next(_draw(vertices) for each, vertices in _eyes().items() if each != name)
    if not _faces_viewer(mesh, _eyes()[name]):
        return False
    contrast, beside = float(own[mine].std()), float(own[theirs].std())
    if contrast < _EYE_CONTRAST or (contrast < _EYE_CLEAR and contrast < _FAINTER * beside):
        return True
    like, best = _correlate(own, other, mine), _correlate(own, other, theirs)
    same = max(like, _correlate(own, mirrored, mine))
    unlike = same < _EYE_LIKENESS and contrast < _EYE_CLEAR
    strange = same < _STRANGE_EYE and contrast < _EYE_CONTRAST * 2
    return like < best - _WORSE and (unlike or strange)


def _is_mouth_hidden(unrolled: Pixels, own: Floats, other: Floats, mirrored: Floats, frontal: bool) -> bool:
    """Whether lips show neither by their red nor by their contrast or form."""
    inside = _draw(face.OUTER_LIPS)
    redder, contrast, like = _measure_red(unrolled), float(own[inside].std()), _correlate(own, other, inside)
    symmetry = _correlate(own, mirrored, inside)
    if contrast < _MOUTH_CONTRAST and redder < _MUCH_REDDER:
        return True
    if contrast < _FAINT_MOUTH and redder < _BARELY_REDDER and like < _FAINT_LIKENESS:
        return True
    if contrast < _MOUTH_CLEAR and redder < _REDDER and like < _MOUTH_LIKENESS and symmetry < _HALF_SYMMETRY:
        return True
    if frontal and symmetry < _MOUTH_SYMMETRY / 2 and redder < _REDDER:  # half of it shows
        return True
    return frontal and like < _MOUTH_LIKENESS + _WORSE and symmetry < _MOUTH_SYMMETRY


def _measure_red(unrolled: Pixels) -> float:
    """How much redder lips are than the skin around them, in levels of a in Lab."""
    red = to_lab_codes(unrolled)[..., 1].astype(np.float32)
    lips = _draw(face.OUTER_LIPS, 0) & ~_draw(face.INNER_LIPS, 1)
    around = _draw(face.OUTER_LIPS, 9) & ~_draw(face.OUTER_LIPS, 3)
    return float(red[lips].mean() - np.median(red[around]))


def _eyes() -> dict[Feature, tuple[int, ...]]:
    return {"left eye": face.LEFT_EYE, "right eye": face.RIGHT_EYE}


def _faces_viewer(mesh: Mesh, vertices: tuple[int, ...]) -> bool:
    """Whether a feature of a (468, 3) mesh is wide enough on the screen to be judged, and not turned away."""
    spread = np.ptp(mesh[list(vertices)], axis=0)
    return float(spread[0] / max(float(np.hypot(spread[0], spread[2])), 1e-6)) > _FACES_US


def unroll_small(pixels: Pixels, mesh: Mesh) -> Pixels:
    """(SIDE, SIDE, 3) uint8 RGB, the face on the canonical mesh."""
    scale = min(1.0, SIDE / max(face_width(mesh), 1.0))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    small = shrink(pixels, size)
    ratio = np.array(size) / np.array(pixels.shape[1::-1])
    points = ((mesh[:, :2] + 0.5) * ratio - 0.5).astype(np.float32)
    flat = flat_raster()
    coarse = extend_edges(flat.interpolate(points), flat.covered)
    places = np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(resample(small, places), np.uint8)


@cache
def flat_raster() -> Raster:
    """Which vertices are around each second pixel of the texture."""
    canonical, side = topology(), SIDE // 2
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    return rasterise(canonical.uv * side - 0.5, np.zeros(468, np.float32), triangles, (side, side))


def _flatten(unrolled: Pixels) -> Floats:
    """(SIDE, SIDE) log light without its slow changes, so that light does not count."""
    light = to_lab_codes(unrolled)[..., 0].astype(np.float32)
    logs = np.log(light + 12).astype(np.float32)
    return np.asarray(blur(logs, _FINE) - blur(logs, _COARSE), np.float32)


@cache
def _draw(vertices: tuple[int, ...], margin: int = _MARGIN) -> Choice:
    """(SIDE, SIDE) True in the convex hull of the vertices on the texture and `margin` pixels around it."""
    hull = cv2.convexHull((topology().uv[list(vertices)] * SIDE).astype(np.float32))
    filled = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(filled, np.round(hull * 16).astype(np.int32), (1,), cv2.LINE_8, 4)
    return np.asarray(cv2.dilate(filled, disc(margin)) > 0 if margin else filled > 0)


def _correlate(one: Floats, other: Floats, inside: Choice) -> float:
    """The correlation of two textures (SIDE, SIDE) inside, at the best shift of a few pixels."""
    box = Box.covering(inside.astype(np.float32))
    where = inside[box.part]
    mine = one[box.part][where]
    shifts = (-_SHIFT, 0, _SHIFT)
    theirs = np.stack(
        [
            other[box.top - down : box.bottom - down, box.left - across : box.right - across][where]
            for down in shifts
            for across in shifts
        ]
    )
    mine, theirs = mine - mine.mean(), theirs - theirs.mean(1, keepdims=True)
    norms = np.sqrt((mine @ mine) * np.einsum("sp,sp->s", theirs, theirs))
    return float(max(-1.0, (theirs @ mine / np.maximum(norms, 1e-9)).max()))
