"""How natural a finished face looks beside its surroundings, and what is wrong with it.

Likeness does not tell: a copied strand of hair, a rim painted over and a piece of ear on a cheek all count as likeness.
What is measured is what an eye sees first. Everything is read on a copy on which the face is `WIDTH_PX` wide, so a
large face costs little more than a small one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import resample, transform, warp
from mien_pipeline.faces.topology import Indices, face_width, inter_ocular, topology
from mien_pipeline.image import Affine, Floats, Mask, Pixels
from mien_pipeline.media.colour import to_lab
from mien_pipeline.report import Fault
from mien_pipeline.skin.light import measure_length

WIDTH_PX = 128  # of a face while it is measured
_MARGIN = 0.12  # face widths around the mesh that are looked at
TEXTURE_SIDE = 64  # of the texture in which skin is compared; a face is about two thirds as wide
# Deviations of the blurs, in pixels of the texture, between which the structure of skin is; light is broader.
_FINE, _MIDDLE, _BROAD = 0.7, 2.0, 5.0
_DARKEST = 0.02  # share of the skin whose new darkness is left out
_AROUND_FEATURES = 2  # pixels of the texture by which eyes, brows, nostrils and lips are wider than their vertices
_OWN = 0.5  # share of a pixel that is the new face's, from which it counts as that
_HAIR = 0.1  # share of a pixel that is a beard's, from which it is no skin
_FEWEST = 80  # pixels of the texture, without which nothing is said of skin
_BESIDE_PX, _ALONG_PX, _HOLE_PX = (1, 7), 4.0, 9  # of the mask's edge: what is beside it, and near; a hole in the mask
_EDGE_QUANTILE = 0.75
_BANDS_PX = (1.0, 2.0, 4.0)  # deviations of the blurs that part three bands, finest first
_FLOOR = 0.5  # code values: less energy than this is none

# At its limit a measure is a fault by itself; as a rule several that are below theirs make one together. Set on 188
# results (155 drawn at random, 33 hard ones), graded by eye before anything was measured.
LIMITS: Mapping[str, float] = {
    "foreign": 1.8, "dark": 26.0, "mottled": 3.9, "edge": 42.0, "bands": 1.9, "painted_over": 0.16, "landmarks": 0.2,
}  # fmt: skip
_FAULTS: Mapping[str, Fault] = {
    "foreign": "patchy-skin", "dark": "patchy-skin", "mottled": "patchy-skin", "edge": "edge", "bands": "sharpness",
    "painted_over": "painted-over", "landmarks": "landmarks",
}  # fmt: skip
_NAMED = 1 / 4  # share of the strain from which a fault is named beside the greatest


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of one finished face.

    Attributes:
        foreign: 0..2, how little the structure of the skin follows the target's: one minus their correlation. Freckles
            and folds that stay are 0, a strand of hair or a frame's shadow that was copied has nothing to do with it.
        dark: how much darker than anything the target shows in the same place the skin has become beside its own
            surroundings, in L* (0..100), at the darkest fiftieth. The reference's own skin is no measure for either:
            what hung before it is in both.
        edge: difference in colour across the mask's outline over the target's in the same place, in CIELAB.
        bands: energy of three bands, finest first, against the target's in the same place; log₂, 0 is the same.
        painted_over: 0..1, share of the face whose texture is no skin that was seen.
        landmarks: mean distance of the mesh that is found in the result from the intended one, in distances between
            the eyes; 0 without that second look.
        mottled: how uneven the redness of the reference's skin is, in CIELAB's a*.
    """

    foreign: float
    dark: float
    edge: float
    bands: tuple[float, float, float]
    painted_over: float = 0.0
    landmarks: float = 0.0
    mottled: float = 0.0


class Looks(NamedTuple):
    """What a second look at a finished face finds below its skin's structure; see `doubt`.

    Attributes:
        landmarks: as in `Measures`.
        shade: how much darker, in logarithms of light, the lower face has become beside its cheeks.
        lips: log₂ of the detail of the lips over what the target's or the reference's have, whichever is less.
    """

    landmarks: float
    shade: float
    lips: float


@dataclass(frozen=True, slots=True)
class Naturalness:
    """What is said of a finished face.

    Attributes:
        score: 0..1. Each measure counts by its share of its limit: 1 where all of them together reach half of one, 0.5
            where they reach one, 0 from half as much again.
        faults: what most of that is, each once; empty where the score is above 0.5.
        looks: what `doubt` goes by beside this; None where the engine does not say what it meant.
        dark: as in `Measures`.
    """

    score: float
    faults: tuple[Fault, ...] = ()
    looks: Looks | None = None
    dark: float = 0.0


def rate(measures: Measures) -> Naturalness:
    """The score and the faults of a face that was measured."""
    values = {**asdict(measures), "bands": max(abs(band) for band in measures.bands)}
    strains: dict[Fault, float] = dict.fromkeys(_FAULTS.values(), 0.0)
    for name, limit in LIMITS.items():
        strains[_FAULTS[name]] += values[name] / limit
    total, most = sum(strains.values()), max(strains.values())
    named: list[Fault] = [fault for fault, strain in strains.items() if strain >= min(most, _NAMED * total)]
    return Naturalness(float(np.clip(1.5 - total, 0, 1)), tuple(named) if total >= 1 else (), dark=measures.dark)


class FinishedFace(NamedTuple):
    """A face after the swap, beside the same place before it.

    Attributes:
        before, after: (H, W, 3) uint8 RGB, the whole picture.
        old_mesh: (468, 3) float32 in their pixels, the face before.
        mesh: the same of the new face, as it is meant to be.
        own: (h, w) float32 in 0..1, how much of a pixel is the new face's alone.
        to_own: (2, 3) float32, from the picture to `own`.
        hair: (h, w) float32 in 0..1 as `own`, how much of a pixel is a new beard, which is no skin; None without one.
    """

    before: Pixels
    after: Pixels
    old_mesh: Mesh
    mesh: Mesh
    own: Mask
    to_own: Affine
    hair: Mask | None = None


def measure(
    finished: FinishedFace, painted_over: float = 0.0, found: Mesh | None = None, mottled: float = 0.0
) -> Measures:
    """All measures of one face.

    Args:
        finished: the face.
        painted_over, mottled: of the reference, as the engine says.
        found: (468, 3) float32, the mesh that a second look finds in the result.
    """
    affine, size = _frame(finished.mesh)
    before, after = (warp(each, affine, size, cv2.BORDER_REPLICATE) for each in (finished.before, finished.after))
    back = np.vstack([affine, [0, 0, 1]]) @ np.linalg.inv(np.vstack([finished.to_own, [0, 0, 1]]))
    own, hair = (
        np.asarray(cv2.warpAffine(part, back[:2], size, flags=cv2.INTER_LINEAR), np.float32)
        for part in (finished.own, np.zeros_like(finished.own) if finished.hair is None else finished.hair)
    )
    places = [_texture_places(transform(mesh[:, :2], affine)) for mesh in (finished.old_mesh, finished.mesh)]
    was, now = (unroll_light(each, at) for each, at in zip((before, after), places, strict=True))
    bare = (resample(own, places[1]) > _OWN) & (resample(hair, places[1]) < _HAIR)
    foreign, dark = measure_skin(was, now, skin_texels() & bare)
    return Measures(
        foreign,
        dark,
        measure_edge(before, after, own),
        measure_bands(before, after, own),
        painted_over,
        measure_landmarks(found, finished.mesh) if found is not None else 0.0,
        mottled,
    )


def _frame(mesh: Mesh) -> tuple[Affine, tuple[int, int]]:
    """(2, 3) from the picture to the copy on which a face is measured, and its width and height."""
    scale = WIDTH_PX / max(face_width(mesh), 1.0)
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    corner = (low * scale - _MARGIN * WIDTH_PX).astype(np.float32)
    width, height = np.ceil((high - low) * scale + 2 * _MARGIN * WIDTH_PX).astype(int)
    return np.array([[scale, 0, -corner[0]], [0, scale, -corner[1]]], np.float32), (int(width), int(height))


def unroll_face(pixels: Pixels, mesh: Mesh) -> Floats:
    """(S, S) L* of the face that `mesh` (468, 3) has in `pixels` (H, W, 3) uint8 RGB, in texture space."""
    affine, size = _frame(mesh)
    copy = warp(pixels, affine, size, cv2.BORDER_REPLICATE)
    return unroll_light(copy, _texture_places(transform(mesh[:, :2], affine)))


def unroll_light(pixels: Pixels, places: Floats) -> Floats:
    """(S, S) L* of a face in texture space; `places` (S, S, 2) say where in `pixels` (h, w, 3) each texel is."""
    small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    unrolled = np.asarray(resample(small, np.asarray((places - 0.5) / 2, np.float32)), np.uint8)
    return np.ascontiguousarray(to_lab(unrolled)[..., 0])


def measure_skin(was: Floats, now: Floats, skin: NDArray[np.bool_]) -> tuple[float, float]:
    """How foreign the structure of skin is, and how dark what is new in it; see `Measures`. 0 where too little shows.

    Args:
        was, now: (S, S) float32, L* before and after.
        skin: (S, S) what of it counts.
    """
    if np.count_nonzero(skin) < _FEWEST:
        return 0.0, 0.0
    old, new = (find_detail(each, skin, _FINE, _BROAD)[skin] for each in (was, now))
    dark = max(0.0, -float(np.quantile(new - np.minimum(old, 0), _DARKEST)))
    old, new = (find_detail(each, skin, _FINE, _MIDDLE)[skin] for each in (was, now))
    spread = float(old.std() * new.std())
    if not spread:
        return 0.0, dark
    return max(0.0, float(1 - np.mean((old - old.mean()) * (new - new.mean())) / spread)), dark


def find_detail(values: Floats, where: NDArray[np.bool_], fine: float, broad: float) -> Floats:
    """(S, S) how `values` differ from what is around them, `where` alone; between two blurs' deviations, in pixels."""
    weight = where.astype(np.float32)
    return np.asarray(_blur_within(values, weight, fine) - _blur_within(values, weight, broad), np.float32)


def measure_edge(before: Pixels, after: Pixels, own: Mask) -> float:
    """How much more the colours on both sides of the mask's outline differ than they did; CIELAB, 0 at least.

    A quarter of the outline differs by more. The gradient along it told nothing: a beard that ends at the jaw is sharp
    and natural, a forehead that is greyer than the hair line's skin is neither.
    """
    # What stays the target's amid the face has no outline that an eye would follow.
    inside = cv2.morphologyEx((own > _OWN).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_HOLE_PX, _HOLE_PX), np.uint8))
    ring = cv2.dilate(inside, np.ones((3, 3), np.uint8)) > cv2.erode(inside, np.ones((3, 3), np.uint8))
    if not ring.any():
        return 0.0
    sides = [_band_beside(np.asarray(each, np.uint8)) for each in (inside, 1 - inside)]
    new, old = (_colour_steps(to_lab(each), sides)[ring] for each in (after, before))
    return max(0.0, float(np.quantile(new - old, _EDGE_QUANTILE)))


def _band_beside(inside: Pixels) -> Mask:
    """(h, w) float32, 1 a little inside a shape's outline."""
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    return np.asarray((depth > _BESIDE_PX[0]) & (depth < _BESIDE_PX[1]), np.float32)


def _colour_steps(lab: Floats, sides: list[Mask]) -> Floats:
    """(h, w) how far the mean colour of one side near by is from that of the other, (h, w) 0..1 each."""
    one, other = (
        cv2.GaussianBlur(lab * side[..., None], (0, 0), _ALONG_PX)
        / (cv2.GaussianBlur(side, (0, 0), _ALONG_PX) + 1e-4)[..., None]
        for side in sides
    )
    return measure_length(np.asarray(one - other, np.float32))


def measure_bands(before: Pixels, after: Pixels, own: Mask) -> tuple[float, float, float]:
    """Energy of three bands inside the mask, finest first, against that of the same place before; log₂."""
    inside = own > _OWN
    if np.count_nonzero(inside) < _FEWEST:
        return 0.0, 0.0, 0.0
    new, old = (_band_energies(each, inside) for each in (after, before))
    fine, middle, coarse = (float(np.log2((a + _FLOOR) / (b + _FLOOR))) for a, b in zip(new, old, strict=True))
    return fine, middle, coarse


def measure_landmarks(found: Mesh, intended: Mesh) -> float:
    """Mean distance between two (468, 3) meshes on the screen, in distances between the eyes."""
    return float(np.linalg.norm((found - intended)[:, :2], axis=1).mean()) / max(inter_ocular(intended), 1e-6)


def _band_energies(pixels: Pixels, inside: NDArray[np.bool_]) -> list[float]:
    """Mean magnitude of each band, finest first, where asked."""
    finer = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
    energies: list[float] = []
    for deviation_px in _BANDS_PX:
        coarser = np.asarray(cv2.GaussianBlur(finer, (0, 0), deviation_px), np.float32)
        energies.append(float(np.abs(finer - coarser)[inside].mean()))
        finer = coarser
    return energies


def _blur_within(values: Floats, weight: Mask, deviation: float) -> Floats:
    """(h, w) `values` blurred where `weight` is above 0, from there alone."""
    total = cv2.GaussianBlur(weight, (0, 0), deviation)
    return np.asarray(cv2.GaussianBlur(values * weight, (0, 0), deviation) / (total + 1e-4), np.float32)


def _texture_places(mesh: Floats) -> Floats:
    """(S, S, 2) where each pixel of the texture is, for a mesh (468, 2)."""
    corners, shares = _texture_map()
    first, second, third = (mesh[corners[..., at]] * shares[..., at, None] for at in range(3))
    return np.asarray(first + second + third, np.float32)


@cache
def _texture_map() -> tuple[Indices, Floats]:
    """(S, S, 3) vertices around each pixel of the texture, and (S, S, 3) their shares; outside the face any."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    around = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE), np.int32)
    for number, corners in enumerate(np.round((canonical.uv[triangles] * TEXTURE_SIDE - 0.5) * 16).astype(np.int32)):
        cv2.fillConvexPoly(around, corners, (number,), shift=4)
    a, b, c = (canonical.uv[triangles[around, corner]].astype(np.float64) for corner in range(3))
    points = (np.dstack(np.meshgrid(*(np.arange(TEXTURE_SIDE),) * 2)) + 0.5) / TEXTURE_SIDE
    shares = np.dstack([_cross(b - points, c - points), _cross(c - points, a - points), _cross(a - points, b - points)])
    shares = np.clip(shares / _cross(b - a, c - a)[..., None], 0, 1)
    return triangles[around], np.asarray(shares / shares.sum(2, keepdims=True), np.float32)


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


@cache
def skin_texels() -> NDArray[np.bool_]:
    """(S, S) bool, where a texture shows skin and no feature, on both sides alike."""
    oval = cv2.erode(fill_texture_hull(face.OVAL), np.ones((3, 3), np.uint8))
    side = 2 * _AROUND_FEATURES + 1
    grown = [cv2.dilate(fill_texture_hull(ring), np.ones((side, side), np.uint8)) for ring in face.FEATURES]
    plain = (oval > 0) & (np.max(grown, axis=0) == 0)
    return np.asarray(plain & plain[:, ::-1])


def fill_texture_hull(vertices: tuple[int, ...]) -> Pixels:
    """(S, S) uint8, 1 inside the hull of some vertices of the texture."""
    hull = cv2.convexHull(np.round(topology().uv[list(vertices)] * TEXTURE_SIDE - 0.5).astype(np.int32))
    filled = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE), np.uint8)
    cv2.fillConvexPoly(filled, hull, (1,))
    return filled
