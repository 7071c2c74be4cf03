"""The table promises: each row is what its network's makers and users publish, read here again in plain numpy.

No published file is here. Each row runs on a random network of its interface; what is compared is everything around
the network: the crop, its range, the identity's way, and the range of what comes out.
"""

import contextlib
import io
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.engines.onnx.engine import OnnxEngine
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import similarity_transform
from mien_pipeline.faces.templates import TEMPLATES
from mien_pipeline.progress import ignore_step
from mien_testing.swapper import RECOGNISER_FILE, SWAPPER_FILE, Folder

Values = NDArray[np.float32]
CATALOGUE = load_catalogue({})
ROWS = list(CATALOGUE.swappers)

# Five points as shares of the side, to four places, as FaceFusion 3.8 publishes them.
V1 = ((0.3547, 0.4566), (0.6453, 0.4566), (0.5000, 0.6115), (0.3791, 0.7769), (0.6209, 0.7769))
V2 = ((0.3419, 0.4616), (0.6565, 0.4598), (0.5002, 0.6405), (0.3710, 0.8247), (0.6315, 0.8233))
ARC128 = ((0.3617, 0.4039), (0.6370, 0.4024), (0.5002, 0.5604), (0.3871, 0.7216), (0.6151, 0.7203))
FFHQ = ((0.3769, 0.4686), (0.6229, 0.4691), (0.5012, 0.6133), (0.3931, 0.7254), (0.6115, 0.7249))
MTCNN = ((0.3656, 0.4673), (0.6331, 0.4659), (0.5002, 0.6194), (0.3903, 0.7760), (0.6118, 0.7748))
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PLAIN, HALF = ((0.0,) * 3, (1.0,) * 3), ((0.5,) * 3, (0.5,) * 3)


@dataclass(frozen=True)
class Published:
    """What is known of a family's files: file, side, points, range in, and whether what comes out has that range too.

    `identity` is "mapped" (by the file's last initialiser), "unit", "raw" or "converted" (both through crossface), or
    the side and points of a picture.
    """

    file: str
    side: int
    points: tuple[tuple[float, float], ...]
    range_in: tuple[tuple[float, ...], tuple[float, ...]]
    range_out: bool
    identity: str | tuple[int, tuple[tuple[float, float], ...]]
    converter: str = ""


GHOST = ("raw", "crossface_ghost.onnx")
SIMSWAP = ("converted", "crossface_simswap.onnx")
PUBLISHED = {
    "inswapper": Published("inswapper_128.onnx", 128, ARC128, PLAIN, False, "mapped"),
    "inswapper-fp16": Published("inswapper_128.fp16.onnx", 128, ARC128, PLAIN, False, "mapped"),
    **{f"hyperswap-1{x}": Published(f"hyperswap_1{x}_256.onnx", 256, ARC128, HALF, True, "unit") for x in "abc"},
    **{f"ghost-{n}": Published(f"ghost_{n}_256.onnx", 256, V1, HALF, True, *GHOST) for n in (1, 2, 3)},
    "simswap-256": Published("simswap_256.onnx", 256, V1, IMAGENET, False, *SIMSWAP),
    "simswap-512": Published("simswap_unofficial_512.onnx", 512, V1, PLAIN, False, *SIMSWAP),
    "hififace": Published(
        "hififace_unofficial_256.onnx", 256, MTCNN, HALF, True, "converted", "crossface_hififace.onnx"
    ),
    "uniface": Published("uniface_256.onnx", 256, FFHQ, HALF, True, (256, FFHQ)),
    "blendswap": Published("blendswap_256.onnx", 256, FFHQ, PLAIN, False, (112, V2)),
}


def load(name: str, weights: Folder) -> OnnxEngine:
    loaded = ENGINES[name].load(weights)
    assert isinstance(loaded, OnnxEngine)
    return loaded


def run(weights: Folder, file: str, **inputs: Values) -> Values:
    session = onnxruntime.InferenceSession(str(weights.path(file)), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0], np.float32)


def cut(portrait: Portrait, points: tuple[tuple[float, float], ...], side: int) -> Values:
    """(side, side, 3) float32 in 0..1."""
    affine = similarity_transform(portrait.face.kps, np.array(points, np.float32) * np.float32(side))
    size, pixels = (side, side), portrait.image.pixels
    return np.asarray(cv2.warpAffine(pixels, affine, size, flags=cv2.INTER_LINEAR) / 255, np.float32)


def as_blob(crop: Values) -> Values:
    return np.asarray(crop.transpose(2, 0, 1)[None], np.float32)


def tell(weights: Folder, published: Published, reference: Portrait) -> Values:
    """What the network is told of a person, as FaceFusion 3.8 does it, and inswapper as InsightFace does."""
    if not isinstance(published.identity, str):
        side, points = published.identity
        return as_blob(cut(reference, points, side))
    raw = run(weights, RECOGNISER_FILE, input=as_blob(cut(reference, V2, 112) * 2 - 1))
    if published.identity == "unit":
        return np.asarray(raw / np.linalg.norm(raw), np.float32)
    if published.identity == "mapped":
        import onnx

        initialisers = onnx.load(str(weights.path(published.file))).graph.initializer
        mapped = raw / np.linalg.norm(raw) @ onnx.numpy_helper.to_array(initialisers[-1])
        return np.asarray(mapped / np.linalg.norm(mapped), np.float32)
    converted = run(weights, published.converter, input=raw)
    return converted if published.identity == "raw" else np.asarray(converted / np.linalg.norm(converted), np.float32)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_what_a_plain_reading_of_its_publishers_recipe_gives(
    swapper_weights: Folder, admiral: Portrait, astronaut: Portrait, name: str
) -> None:
    published = PUBLISHED[name]
    mean, std = (np.array(each, np.float32) for each in published.range_in)
    target = (cut(astronaut, published.points, published.side) - mean) / std
    told = tell(swapper_weights, published, admiral)
    made = run(swapper_weights, published.file, target=as_blob(target), source=told)[0].transpose(1, 2, 0)
    expected = np.clip(made * std + mean if published.range_out else made, 0, 1) * 255

    likeness = load(name, swapper_weights).prepare([admiral])
    patch = likeness.render(*astronaut, parse_options({"engine": name}), ignore_step)
    assert np.abs(likeness.source - told).max() < 0.02 * np.abs(told).max()
    assert expected.std() > 20
    # The templates have four places here: crops are some hundredths of a pixel apart.
    assert np.abs(patch.crop - expected).mean() < 0.6
    assert np.quantile(np.abs(patch.crop - expected), 0.99) < 5


def test_every_row_is_published_somewhere() -> None:
    assert list(PUBLISHED) == ROWS


@pytest.mark.parametrize("name", ROWS)
def test_stand_ins_have_the_names_and_shapes_of_the_published_files(swapper_weights: Folder, name: str) -> None:
    """`target`, `source`, `output`; a picture of the side, a vector of 512; the row names the same file and points."""
    published, row = PUBLISHED[name], CATALOGUE.swappers[name]
    session = onnxruntime.InferenceSession(
        str(swapper_weights.path(published.file)), providers=["CPUExecutionProvider"]
    )
    picture = [1, 3, published.side, published.side]
    told = [1, 512] if isinstance(published.identity, str) else [1, 3, published.identity[0], published.identity[0]]
    assert {each.name: each.shape for each in session.get_inputs()} == {"target": picture, "source": told}
    assert (session.get_outputs()[0].name, session.get_outputs()[0].shape) == ("output", picture)
    assert (row.network.file, row.side) == (published.file, published.side)
    assert isinstance(row.template, str)
    assert np.abs(TEMPLATES[row.template] - np.array(published.points)).max() < 1e-4


@pytest.mark.filterwarnings("ignore:.*estimate.*deprecated:FutureWarning")  # scikit-image's, of InsightFace's call
def test_inswapper_gives_what_insightface_gives(
    swapper_weights: Folder, admiral: Portrait, astronaut: Portrait
) -> None:
    """InsightFace 2.1's own `INSwapper.get`, which cuts a value where we round it."""
    from insightface.model_zoo.inswapper import INSwapper

    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        session = onnxruntime.InferenceSession(
            str(swapper_weights.path(SWAPPER_FILE)), providers=["CPUExecutionProvider"]
        )
        theirs: Any = INSwapper(str(swapper_weights.path(SWAPPER_FILE)), session)
    raw = run(swapper_weights, RECOGNISER_FILE, input=as_blob(cut(admiral, V2, 112) * 2 - 1)).reshape(-1)
    source = SimpleNamespace(normed_embedding=raw / np.linalg.norm(raw))
    bgr = np.ascontiguousarray(astronaut.image.pixels[..., ::-1])
    made, affine = theirs.get(bgr, SimpleNamespace(kps=astronaut.face.kps), source, paste_back=False)

    ours = load("inswapper", swapper_weights).prepare([admiral])
    patch = ours.render(*astronaut, parse_options({"engine": "inswapper"}), ignore_step)
    assert np.abs(patch.affine - affine).max() < 1e-2
    difference = np.abs(patch.crop.astype(int) - made[..., ::-1].astype(int))
    assert difference.mean() < 1
    assert np.quantile(difference, 0.999) <= 2
