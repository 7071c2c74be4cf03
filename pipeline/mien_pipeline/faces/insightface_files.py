"""Where the files of InsightFace lie that any engine's swap may name in its options. Nothing is loaded to know."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from mien_core.errors import LicenceNotAccepted, ModelNotInstalled, UnknownModel

if TYPE_CHECKING:
    from mien_pipeline.protocols import Weights

# InsightFace publishes one file under two names: `det_10g.onnx` of buffalo_l, which the catalogue has by itself, and
# `scrfd_10g_bnkps.onnx` of antelopev2.
SCRFD_FILES = (("scrfd", "det_10g.onnx"), ("antelopev2", "scrfd_10g_bnkps.onnx"))
# ResNet-50 on WebFace600K, published in buffalo_l, alone or beside inswapper; ResNet-100 on Glint360K of antelopev2.
ARCFACE_FILES = (("w600k", "w600k_r50.onnx"), ("inswapper", "w600k_r50.onnx"), ("antelopev2", "glintr100.onnx"))


def find_scrfd(weights: "Weights") -> tuple[str, Path]:
    """SCRFD's file, as the report names it and where it lies.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: it is not there; of several reasons that which is the nearest to a file.
    """
    refusal: ModelNotInstalled | LicenceNotAccepted | None = None
    for model, file in SCRFD_FILES:
        try:
            return f"{model}/{file}", weights.path(model, file)
        except UnknownModel:
            continue
        except (ModelNotInstalled, LicenceNotAccepted) as error:
            refusal = error if refusal is None or isinstance(error, LicenceNotAccepted) else refusal
    raise refusal or ModelNotInstalled("SCRFD is not in the catalogue", model=SCRFD_FILES[0][0])


def find_arcface(weights: "Weights", conditioned_on: Collection[str] = ()) -> tuple[str, Path]:
    """The file of a recogniser, as the report names it and where it lies.

    Args:
        conditioned_on: models that the engine takes: what is in them is taken where nothing else is installed.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: none is there; `model` and `command` say what to do.
    """
    refusal: ModelNotInstalled | LicenceNotAccepted | None = None
    for model, file in sorted(ARCFACE_FILES, key=lambda each: each[0] in conditioned_on):
        try:
            return f"{model}/{file}", weights.path(model, file)
        except (ModelNotInstalled, LicenceNotAccepted) as error:
            refusal = refusal if refusal and not isinstance(error, LicenceNotAccepted) else error
    raise refusal or ModelNotInstalled("ArcFace is not in the catalogue", model=ARCFACE_FILES[0][0])
