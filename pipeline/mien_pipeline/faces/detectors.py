"""The detectors that a swap may use, by what `options.detector` and the engine want and what is installed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from mien_core.errors import EngineUnavailable, LicenceNotAccepted, ModelNotInstalled
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.insightface_files import find_scrfd
from mien_pipeline.faces.points import PointedDetector
from mien_pipeline.faces.scrfd import Scrfd
from mien_pipeline.faces.yunet import YuNet
from mien_pipeline.options import DetectorChoice
from mien_pipeline.protocols import FaceDetector, Weights
from mien_pipeline.report import DetectorUse, ModelUse

# What finds faces, and whose five points they get.
Kind = Literal["yunet", "yunet+scrfd", "scrfd"]
Points = Literal["mesh", "arcface"]

LIBRARY = "onnxruntime"


@dataclass(frozen=True, slots=True)
class OpenDetector:
    """A detector in memory.

    Attributes:
        detector: finds faces.
        kind: what it is made of.
        scrfd: the part of it that ONNX Runtime runs, and its file as the report names it.
    """

    detector: FaceDetector
    kind: Kind = "yunet"
    scrfd: tuple[Scrfd, ModelUse] | None = None

    @property
    def use(self) -> DetectorUse:
        """What the report says of it, after the last face was found."""
        if self.scrfd is None:
            return DetectorUse()
        finder, model = self.scrfd
        network = finder.network
        ran = ModelUse(model.name, model.sha256, model.verified, ran_on=network.provider)
        return DetectorUse("scrfd" if self.kind == "scrfd" else "yunet", "scrfd", (ran,), network.failed is not None)


def choose_kind(choice: DetectorChoice, wants: Points, weights: Weights) -> Kind:
    """What `choice` means for an engine that was trained with such points.

    "auto" finds faces with YuNet. For engines that were trained with ArcFace's points it takes SCRFD's, where its file
    is installed.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: SCRFD was asked for; `model` and `command` say what to do.
        EngineUnavailable: SCRFD was asked for, and ONNX Runtime is not installed; `libraries` names it.
    """
    if choice == "yunet":
        return "yunet"
    if choice == "scrfd":
        if not find_spec(LIBRARY):
            raise EngineUnavailable(f"the detector scrfd needs {LIBRARY}", libraries=[LIBRARY])
        find_scrfd(weights)
        return "scrfd"
    if wants != "arcface" or not find_spec(LIBRARY):
        return "yunet"
    try:
        find_scrfd(weights)
    except (ModelNotInstalled, LicenceNotAccepted):
        return "yunet"
    return "yunet+scrfd"


def open_detector(kind: Kind, weights: Weights, yunet: Callable[[], MeshDetector]) -> OpenDetector:
    """The detector of a kind that `choose_kind` chose; `yunet` gives the one that every swap has.

    Raises:
        BrokenWeights, EngineUnavailable: as `Scrfd` raises them.
    """
    if kind == "yunet":
        return OpenDetector(yunet())
    name, path = find_scrfd(weights)
    finder = Scrfd(path)
    with path.open("rb") as file:
        model = ModelUse(name, hashlib.file_digest(file, "sha256").hexdigest())
    found = yunet() if kind == "yunet+scrfd" else MeshDetector(finder, weights.read("face-mesh"))
    return OpenDetector(PointedDetector(found, finder), kind, (finder, model))


def open_yunet(weights: Weights) -> MeshDetector:
    """The detector that every install has."""
    return MeshDetector(YuNet(weights.read("face-detection")), weights.read("face-mesh"))
