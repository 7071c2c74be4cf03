"""ArcFace measures likeness beside dlib's network, from either published file; proved on a random one of its interface.

The stand-in has the published inputs and outputs: (batch, 3, 112, 112) in, (batch, 512) out.
"""

from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import BrokenWeights, EngineUnavailable, LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.engines.flux.tiny.onnx_files import write_detector, write_recogniser
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces import arcface
from mien_pipeline.faces.align import align
from mien_pipeline.faces.arcface import ArcFaceEmbedder, find_arcface
from mien_pipeline.faces.insightface_files import ARCFACE_FILES
from mien_pipeline.image import Image
from mien_pipeline.protocols import FaceEmbedder
from mien_testing.pictures import face_at, picture


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("arcface") / "w600k_r50.onnx"
    write_recogniser(path)
    return path


@pytest.fixture(scope="module")
def embedder(weights: Path) -> ArcFaceEmbedder:
    return ArcFaceEmbedder(weights)


def seen(seed: int) -> tuple[Image, Face]:
    return picture(200, 200, seed=seed), face_at(50, 60, 80, 80)


def test_it_computes_what_insightfaces_own_class_computes(weights: Path, embedder: ArcFaceEmbedder) -> None:
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX

    image, face = seen(1)
    crop = align(image.pixels, face.kps, 112).crop
    theirs = ArcFaceONNX(str(weights), embedder.network).get_feat(np.ascontiguousarray(crop[..., ::-1]))
    assert np.allclose(embedder.embed(image, face), np.asarray(theirs).reshape(-1), atol=1e-5)


def test_a_face_is_like_itself_and_random_directions_are_strangers(embedder: ArcFaceEmbedder) -> None:
    found: FaceEmbedder = embedder
    one = found.embed(*seen(1))
    assert (one.shape, str(one.dtype), found.recogniser) == ((512,), "float32", "arcface-w600k_r50")
    assert found.similarity(one, 3 * one) == pytest.approx(1.0)
    assert found.similarity(one, -one) == pytest.approx(-1.0)
    drawn = np.random.default_rng(0).normal(size=(2, 512)).astype(np.float32)
    assert abs(found.similarity(drawn[0], drawn[1])) < 0.2
    assert found.similarity(one, np.zeros(512, np.float32)) == 0.0


def test_on_photographs_a_person_is_nearest_to_themselves(
    embedder: ArcFaceEmbedder, astronaut: Portrait, admiral: Portrait
) -> None:
    """A brighter print of the same portrait, even under random weights."""
    image, face = astronaut
    printed = Image(np.clip(image.pixels * 1.1, 0, 255).astype(np.uint8))
    own, other = embedder.embed(image, face), embedder.embed(*admiral)
    assert embedder.similarity(own, embedder.embed(printed, face)) > embedder.similarity(own, other)


def test_a_file_that_is_another_network_or_none_is_named(tmp_path: Path) -> None:
    write_detector(tmp_path / "detector.onnx")
    (tmp_path / "none.onnx").write_bytes(b"no network")
    for name in ("detector.onnx", "none.onnx"):
        with pytest.raises(BrokenWeights) as refused:
            ArcFaceEmbedder(tmp_path / name)
        assert refused.value.fields["file"] == name


class Folder:
    """Weights of which these models are installed; others are missing, or their terms not accepted."""

    def __init__(self, *installed: str, refused: str = "") -> None:
        self.installed, self.refused = installed, refused

    def path(self, model: str, file: str | None = None, /) -> Path:
        if model in self.installed:
            return Path(str(file))
        if model == self.refused:
            raise LicenceNotAccepted("accept them first", model=model)
        raise ModelNotInstalled("not here", model=model, command=f"mien models pull {model}")

    def read(self, model: str, file: str | None = None, /) -> bytes:
        raise AssertionError


@pytest.mark.parametrize(
    ("installed", "conditioned_on", "found"),
    [
        (("w600k", "antelopev2"), ("antelopev2",), "w600k/w600k_r50.onnx"),
        (("inswapper", "antelopev2"), ("w600k", "inswapper"), "antelopev2/glintr100.onnx"),
        (("antelopev2",), ("antelopev2",), "antelopev2/glintr100.onnx"),
        (("inswapper",), (), "inswapper/w600k_r50.onnx"),
    ],
)
def test_the_judge_is_another_network_than_the_engines_where_there_is_one(
    installed: tuple[str, ...], conditioned_on: tuple[str, ...], found: str
) -> None:
    assert find_arcface(Folder(*installed), conditioned_on)[0] == found


def test_without_a_file_the_smallest_download_is_named_and_terms_come_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelNotInstalled) as missing:
        find_arcface(Folder())
    assert missing.value.fields["command"] == "mien models pull w600k"
    with pytest.raises(LicenceNotAccepted):
        find_arcface(Folder(refused="antelopev2"))
    monkeypatch.setattr(arcface, "LIBRARY", "no_such_library")
    with pytest.raises(EngineUnavailable):
        find_arcface(Folder("w600k"))


def test_the_catalogue_has_every_file_that_is_looked_for() -> None:
    catalogue = load_catalogue({})
    for model, file in ARCFACE_FILES:
        assert file in {each.path for each in catalogue.model(model).files}
