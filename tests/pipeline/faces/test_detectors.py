"""The detector is the one that was asked for, or the best for the engine of those that are installed."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import EngineUnavailable, LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.tiny.catalogue import LICENCE
from mien_pipeline.faces import detectors
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.detectors import Kind, Points, choose_kind, open_detector, open_yunet
from mien_pipeline.faces.insightface_files import SCRFD_FILES, find_scrfd
from mien_pipeline.image import Image
from mien_pipeline.onnx_network import PROCESSOR
from mien_pipeline.options import DetectorChoice
from mien_pipeline.report import DetectorUse
from mien_testing.card_runtime import CUDA, CardRuntime
from mien_testing.portraits import Portrait


class Folder:
    """Weights of which SCRFD's file is under one name, or refused for a reason."""

    def __init__(self, real: ModelStore, *installed: str, refused: type[Exception] = ModelNotInstalled) -> None:
        self.real, self.installed, self.refused = real, installed, refused

    def path(self, model: str, file: str | None = None, /) -> Path:
        if model in self.installed:
            return Path(str(file))
        if model == "antelopev2" and self.refused is LicenceNotAccepted:
            raise LicenceNotAccepted("accept them first", model=model)
        raise ModelNotInstalled("not here", model=model, command=f"mien models pull {model}")

    def read(self, model: str, file: str | None = None, /) -> bytes:
        return self.real.read(model, file)


@pytest.mark.parametrize(
    ("choice", "wants", "installed", "kind"),
    [
        ("auto", "mesh", True, "yunet"),
        ("auto", "arcface", True, "yunet+scrfd"),
        ("auto", "arcface", False, "yunet"),
        ("yunet", "arcface", True, "yunet"),
        ("scrfd", "mesh", True, "scrfd"),
        ("scrfd", "arcface", True, "scrfd"),
    ],
)
def test_what_is_asked_for_is_taken_and_auto_takes_arcfaces_points_where_they_help(
    models: ModelStore, choice: DetectorChoice, wants: Points, installed: bool, kind: Kind
) -> None:
    assert choose_kind(choice, wants, Folder(models, *(["scrfd"] if installed else []))) == kind


def test_scrfd_that_is_not_installed_is_refused_with_the_command_that_gets_it(models: ModelStore) -> None:
    """The small download, which holds the detector alone."""
    with pytest.raises(ModelNotInstalled) as refused:
        choose_kind("scrfd", "mesh", Folder(models))
    assert refused.value.fields == {"model": "scrfd", "command": "mien models pull scrfd"}


def test_terms_that_were_not_accepted_refuse_scrfd_and_leave_auto_as_it_was(models: ModelStore) -> None:
    folder = Folder(models, refused=LicenceNotAccepted)
    with pytest.raises(LicenceNotAccepted):
        choose_kind("scrfd", "mesh", folder)
    assert choose_kind("auto", "arcface", folder) == "yunet"


def test_without_onnx_runtime_scrfd_is_refused_by_the_librarys_name(
    models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "LIBRARY", "no_such_library")
    with pytest.raises(EngineUnavailable) as refused:
        choose_kind("scrfd", "mesh", Folder(models, "scrfd"))
    assert refused.value.fields["libraries"] == ["no_such_library"]
    assert choose_kind("auto", "arcface", Folder(models, "scrfd")) == "yunet"


@pytest.mark.parametrize(("model", "file"), SCRFD_FILES)
def test_the_file_is_found_under_either_of_its_names(models: ModelStore, model: str, file: str) -> None:
    """In the catalogue both are one file: an import of InsightFace's own folders recognises it."""
    assert find_scrfd(Folder(models, model)) == (f"{model}/{file}", Path(file))
    published = load_catalogue({})
    assert published.file(model, file).sha256 == published.file("antelopev2", "scrfd_10g_bnkps.onnx").sha256


def test_insightfaces_own_folder_is_imported_as_the_detector(tiny_store: ModelStore, tmp_path: Path) -> None:
    """As its library lays it down, whatever lies beside it; here with the stand-in's bytes in the catalogue."""
    stand_in = tiny_store.path("antelopev2", "scrfd_10g_bnkps.onnx")
    theirs = tmp_path / "buffalo_l"
    theirs.mkdir()
    shutil.copy(stand_in, theirs / "det_10g.onnx")
    (theirs / "genderage.onnx").write_bytes(b"of no use here")
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(
        f"""format = 1
{LICENCE}
[models.scrfd]
title = "the stand-in"
version = "tiny"
licence = "random-numbers"
source = {{ kind = "local", folder = "{tmp_path.as_posix()}" }}
[[models.scrfd.files]]
path = "det_10g.onnx"
format = "onnx"
size = {stand_in.stat().st_size}
sha256 = "{tiny_store.sha256("antelopev2", "scrfd_10g_bnkps.onnx")}"
""",
        encoding="utf-8",
    )
    store = ModelStore(tmp_path / "models", load_catalogue({"MIEN_CATALOGUE": str(catalogue)}))
    assert store.import_from(theirs) == ["scrfd"]
    assert find_scrfd(store) == ("scrfd/det_10g.onnx", store.path("scrfd", "det_10g.onnx"))
    assert choose_kind("auto", "arcface", store) == "yunet+scrfd"


@pytest.mark.parametrize("kind", ["yunet+scrfd", "scrfd"])
def test_the_report_names_the_network_its_points_and_what_ran_it(
    models: ModelStore, tiny_store: ModelStore, detector: MeshDetector, kind: Kind
) -> None:
    opened = open_detector(kind, Both(models, tiny_store), lambda: detector)
    use = opened.use
    assert (use.faces, use.points) == ("scrfd" if kind == "scrfd" else "yunet", "scrfd")
    assert [(each.name, each.ran_on) for each in use.models] == [("antelopev2/scrfd_10g_bnkps.onnx", PROCESSOR)]
    assert use.models[0].sha256 == tiny_store.sha256("antelopev2", "scrfd_10g_bnkps.onnx")
    assert not use.failed


class Both:
    """The starter models, and the tiny bundle's detector."""

    def __init__(self, models: ModelStore, tiny: ModelStore) -> None:
        self.models, self.tiny = models, tiny

    def path(self, model: str, file: str | None = None, /) -> Path:
        if model == "scrfd":
            raise ModelNotInstalled("not here", model=model)
        return (self.tiny if model == "antelopev2" else self.models).path(model, file)

    def read(self, model: str, file: str | None = None, /) -> bytes:
        return self.models.read(model, file)


def test_a_provider_that_fails_is_told(
    models: ModelStore, tiny_store: ModelStore, detector: MeshDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", CardRuntime(CUDA, "no-numbers"))
    monkeypatch.delenv("MIEN_DEVICE", raising=False)
    opened = open_detector("yunet+scrfd", Both(models, tiny_store), lambda: detector)
    assert opened.use.models[0].ran_on == CUDA
    assert opened.scrfd is not None
    opened.scrfd[0].network.run(None, {"input.1": np.zeros((1, 3, 640, 640), np.float32)})
    assert (opened.use.failed, opened.use.models[0].ran_on) == (True, PROCESSOR)


def test_the_detector_of_every_install_says_nothing_beyond_its_default(
    models: ModelStore, detector: MeshDetector, astronaut: Portrait
) -> None:
    opened = open_detector("yunet", models, lambda: detector)
    assert opened.detector is detector
    assert opened.use == DetectorUse()
    (again,) = open_yunet(models).detect(Image(astronaut[0].pixels))
    assert abs(again.kps - astronaut[1].kps).max() == 0
