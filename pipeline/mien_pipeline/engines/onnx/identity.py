"""Who a face is, as a row's network is told it: a vector of 512 numbers, or an aligned picture."""

from collections.abc import Sequence

import numpy as np

from mien_models.catalogue.networks import PictureIdentity, Recogniser, VectorIdentity
from mien_pipeline.engines.onnx.files import RowFiles
from mien_pipeline.engines.onnx.options import PLAIN
from mien_pipeline.engines.onnx.recipe import Recipe
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import align_to
from mien_pipeline.faces.templates import template_points
from mien_pipeline.image import Floats
from mien_pipeline.onnx_file import LoadedFile, to_blob

# What ArcFace's recognisers are given: (x / 127.5) − 1.
_HALF = (0.5, 0.5, 0.5)
# The share of the target's vector at either end of the slider; FaceFusion 3.8.
_MOST_MIXED = 0.35


def embed(recogniser: Recogniser, file: LoadedFile, portrait: Portrait) -> Floats:
    """(512,) float32: the recogniser's vector as it comes, of any length."""
    points = template_points(recogniser.template, recogniser.side)
    crop = align_to(portrait.image.pixels, portrait.face.kps, points, recogniser.side).crop
    return np.asarray(file.run(to_blob(crop, _HALF, _HALF)).reshape(-1), np.float32)


def average(embeddings: Sequence[Floats]) -> Floats:
    """(512,) float32 of several pictures of one person: the mean direction, with their mean length.

    What one picture adds to an embedding (light, pose, glasses) differs from the next and cancels; who it is stays.
    """
    lengths = [float(np.linalg.norm(each)) for each in embeddings]
    mean = np.mean([each / length for each, length in zip(embeddings, lengths, strict=True)], 0)
    return np.asarray(mean * (np.mean(lengths) / np.linalg.norm(mean)), np.float32)


def to_source(embedding: Floats, identity: VectorIdentity, files: RowFiles) -> Floats:
    """(1, 512) float32: a recogniser's vector in the space of the swapper."""
    vector = embedding.reshape(1, -1)
    if identity.given == "unit":
        vector = vector / np.linalg.norm(vector)
    if files.converter:
        vector = files.converter.run(np.asarray(vector, np.float32)).reshape(1, -1)
    elif files.emap is not None:
        vector = vector @ files.emap
    return np.asarray(vector / np.linalg.norm(vector) if identity.unit else vector, np.float32)


def read_source(portraits: Sequence[Portrait], recipe: Recipe, files: RowFiles) -> Floats:
    """What the swapper is told of one person: (1, 512), or the (1, 3, H, W) of the first picture.

    The first picture is the one that is most like that person in all of them.
    """
    identity = recipe.row.identity
    if isinstance(identity, PictureIdentity):
        image, face = portraits[0]
        points = template_points(identity.template, identity.side)
        return to_blob(align_to(image.pixels, face.kps, points, identity.side).crop, (0, 0, 0), (1, 1, 1))
    return to_source(average([read_vector(each, recipe, files) for each in portraits]), identity, files)


def read_vector(portrait: Portrait, recipe: Recipe, files: RowFiles) -> Floats:
    """(512,) float32: a face under the row's recogniser; its row has one."""
    if recipe.recogniser is None or files.recogniser is None:
        raise ValueError(f"{recipe.name} has no recogniser")
    return embed(recipe.recogniser, files.recogniser, portrait)


def weigh(source: Floats, target: Floats, weight: float) -> Floats:
    """(1, 512) float32: the source's vector, with the target's mixed in below 0.5 and taken away above it.

    Both are in the swapper's own space. FaceFusion mixes the target's unconverted vector into a converted one; these
    are two spaces, and there the slider means nothing.
    """
    share = np.float32(_MOST_MIXED * (1 - weight / PLAIN))
    return np.asarray(source * (1 - share) + target * share, np.float32)
