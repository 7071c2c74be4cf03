"""Things drawn before a face: fingers, a hand, a mask, a cup, a beard."""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces.topology import OVAL, face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.mask import cheek_mask

_FINGER = 0.13  # face widths
_SHADOW = 0.3  # of the light
_HAND, _SEARCHES = 7, 8  # fingers' widths of a flat hand; halvings until its reach is known


def draw_fingers(pixels: Pixels, mesh: Mesh, tip: Floats, angle_deg: float, count: int = 3) -> tuple[Pixels, Mask]:
    """The picture with skin-coloured fingers and their soft shadow before the face, and (H, W) where the fingers are.

    `tip` (2,) is where the middle finger ends; the fingers come from `angle_deg`, clockwise from the viewer's right.
    """
    width = face_width(mesh)
    skin = np.median(pixels[cheek_mask(pixels.shape, mesh) > 0], axis=0)
    along = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    aside = np.array([-along[1], along[0]])
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    places = np.stack([columns, rows], 2).astype(np.float32)
    layer, alpha = np.zeros(pixels.shape, np.float32), np.zeros(pixels.shape[:2], np.float32)
    for number in range(count):
        off = number - (count - 1) / 2
        start = tip + aside * off * _FINGER * 1.03 * width + along * abs(off) * 0.07 * width
        from_start = places - start
        reach = np.clip(from_start @ along, 0, 1.2 * width)
        away = np.linalg.norm(from_start - reach[..., None] * along, axis=2) / (_FINGER * width / 2)
        cover = np.clip((1 - away) * _FINGER * width / 2 + 0.5, 0, 1).astype(np.float32)
        shade = (1.05 - 0.35 * np.minimum(away, 1) ** 2)[..., None] * skin
        layer = np.where((cover > 0)[..., None] & (cover >= alpha)[..., None], shade, layer)
        alpha = np.maximum(alpha, cover).astype(np.float32)
    return lay_over(pixels, layer, alpha, width), alpha


def draw_hand(pixels: Pixels, mesh: Mesh, share: float) -> Pixels:
    """The picture with a hand before the face that hides `share` of its outline, up to about .6.

    The hand comes level from the viewer's right, at the height of the nose.
    """
    if share <= 0:
        return pixels
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(mesh[list(OVAL), :2]).astype(np.int32)), (1,))
    near, far = mesh[356, :2], mesh[127, :2]
    low, high = 0.0, 1.0
    drawn = pixels
    for _ in range(_SEARCHES):
        reach = (low + high) / 2
        tip = near + reach * (far - near) + (mesh[4, :2] - (near + far) / 2)
        drawn, alpha = draw_fingers(pixels, mesh, np.asarray(tip, np.float32), 0.0, _HAND)
        covered = float((alpha * inside).sum() / inside.sum())
        low, high = (reach, high) if covered < share else (low, reach)
    return drawn


def draw_mask(pixels: Pixels, mesh: Mesh, colour: tuple[int, int, int]) -> tuple[Pixels, Mask]:
    """The picture with a mask over nose and mouth, and (H, W) where it is."""
    middle = mesh[1, :2]
    jaw = mesh[list(OVAL[10:27]), :2]
    top = np.array([mesh[116, :2], mesh[101, :2], (mesh[6, :2] + mesh[4, :2]) / 2, mesh[330, :2], mesh[345, :2]])
    outline = np.concatenate([jaw + 0.05 * (jaw - middle), top])
    return _draw_polygon(pixels, np.asarray(outline, np.float32), colour, face_width(mesh))


def draw_cup(pixels: Pixels, mesh: Mesh, colour: tuple[int, int, int]) -> tuple[Pixels, Mask]:
    """The picture with a cup before mouth and chin, and (H, W) where it is."""
    width, mouth = face_width(mesh), mesh[13, :2]
    corners = np.array([[-0.3, -0.1], [0.3, -0.1], [0.22, 0.6], [-0.22, 0.6]], np.float32) * width
    return _draw_polygon(pixels, np.asarray(mouth + corners, np.float32), colour, width)


def draw_beard(pixels: Pixels, mesh: Mesh) -> Pixels:
    """The picture with a beard of dark strokes on the jaw and above the mouth."""
    result, width, middle = pixels.copy(), face_width(mesh), mesh[1, :2]
    random = np.random.default_rng(0)
    jaw, lip = mesh[list(OVAL[10:27]), :2], mesh[[61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291], :2]
    for _ in range(2500):
        if random.random() < 0.8:
            at = jaw[random.integers(len(jaw))]
            root = middle + (at - middle) * random.uniform(0.68, 0.98)
        else:
            root = lip[random.integers(len(lip))] - np.array([0, random.uniform(0.01, 0.05) * width])
        if abs(root[0] - mesh[13, 0]) < 0.16 * width and mesh[0, 1] < root[1] < mesh[17, 1]:
            continue
        end = root + random.normal(0, 0.012, 2) * width + np.array([0, 0.02 * width])
        ends = [tuple(int(value * 16) for value in point) for point in (root, end)]
        cv2.line(result, ends[0], ends[1], (48, 36, 30), 1, cv2.LINE_AA, 4)
    return result


def lay_over(pixels: Pixels, layer: Floats, alpha: Mask, width: float) -> Pixels:
    """The layer over the picture, with grain and a soft shadow below it."""
    below = np.roll(alpha, round(0.03 * width), 0)
    shadow = np.asarray(cv2.GaussianBlur(below, (0, 0), 0.03 * width), np.float32) * (1 - alpha)
    grain = np.random.default_rng(1).normal(0, 2, pixels.shape)
    soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.7), np.float32)[..., None]
    dark = pixels * (1 - _SHADOW * shadow)[..., None]
    return np.clip(dark * (1 - soft) + (layer + grain) * soft, 0, 255).astype(np.uint8)


def _draw_polygon(pixels: Pixels, outline: Floats, colour: tuple[int, int, int], width: float) -> tuple[Pixels, Mask]:
    filled = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(filled, [np.round(outline * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    columns = (np.arange(pixels.shape[1]) - outline[:, 0].mean()) / width
    layer = np.broadcast_to(np.array(colour) * (1.0 - 0.8 * columns[None, :, None] ** 2), pixels.shape)
    alpha = np.asarray(filled / 255, np.float32)
    return lay_over(pixels, layer.astype(np.float32), alpha, width), alpha
