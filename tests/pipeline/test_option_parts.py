"""What options name beside an engine is looked for before anything is loaded, and refused by the name of what lacks."""

import hashlib
from pathlib import Path

import pytest
from onnx import helper

from mien_core.errors import InvalidOptions, LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.option_parts import require_parts
from mien_pipeline.options import parse_restore_options
from mien_testing.swapper import write_network


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path, load_catalogue({}))


def test_options_that_name_nothing_need_nothing(store: ModelStore) -> None:
    require_parts(parse_options({}), store)
    require_parts(parse_options({"detector": "auto", "restore": 0.5}), store)
    require_parts(parse_restore_options({}), store)


def test_a_restorer_that_has_nothing_to_do_need_not_be_installed(store: ModelStore) -> None:
    require_parts(parse_options({"restorer": "gfpgan"}), store)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({"restorer": "gfpgan", "restore": 0.5}, "gfpgan"),
        ({"detector": "scrfd"}, "scrfd"),
        ({"masks": ["bisenet"]}, "bisenet"),
        ({"recogniser": "arcface"}, "w600k"),
        ({"engine": "flux", "base": "schnell"}, "flux-1-schnell"),
        ({"engine": "flux", "base": "fill"}, "flux-1-fill-dev"),
        ({"engine": "flux", "decoder": "tiny"}, "taef1"),
    ],
)
def test_what_an_option_takes_and_is_not_installed_is_named(
    store: ModelStore, options: dict[str, object], model: str
) -> None:
    with pytest.raises(ModelNotInstalled) as refused:
        require_parts(parse_options(options), store)
    assert refused.value.fields["model"] == model
    assert refused.value.fields["command"] == f"mien models pull {model}"


@pytest.mark.parametrize("restore", [0.0, 0.5])
def test_a_restorer_that_there_is_none_of_is_refused_whatever_its_amount(store: ModelStore, restore: float) -> None:
    with pytest.raises(InvalidOptions) as refused:
        require_parts(parse_options({"restorer": "sharpen", "restore": restore}), store)
    assert refused.value.fields["field"] == "restorer"
    with pytest.raises(InvalidOptions):
        require_parts(parse_restore_options({"restorer": "sharpen"}), store)


def test_terms_that_were_not_accepted_are_refused_as_such(tmp_path: Path) -> None:
    """CodeFormer's file is here, as an import leaves it; its words were not accepted."""
    file = tmp_path / "codeformer_fp16.onnx"
    write_network(file, {"input": (1, 1)}, {"output": (1, 1)}, [helper.make_node("Relu", ["input"], ["output"])], {})
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(
        f"""format = 1
[models.codeformer]
title = "a stand-in"
version = "1"
licence = "s-lab-1"
source = {{ kind = "local", folder = "{tmp_path.as_posix()}" }}
[[models.codeformer.files]]
path = "{file.name}"
format = "onnx"
size = {file.stat().st_size}
sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"
""",
        encoding="utf-8",
    )
    store = ModelStore(tmp_path / "models", load_catalogue({"MIEN_CATALOGUE": str(catalogue)}))
    options = parse_restore_options({"restorer": "codeformer"})
    with pytest.raises(ModelNotInstalled):
        require_parts(options, store)
    store.import_from(file)
    with pytest.raises(LicenceNotAccepted):
        require_parts(options, store)
