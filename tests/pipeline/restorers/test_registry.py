"""The table of restorers promises: each by name, nothing loaded before it is wanted, options its painter takes."""

import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.restorers.registry import RESTORERS


@pytest.fixture(scope="module")
def embedder(models: ModelStore) -> DlibEmbedder:
    return DlibEmbedder(models.read("identity-score"))


@pytest.mark.parametrize("name", RESTORERS)
def test_what_a_restorer_paints_with_is_valid_for_that_engine(name: str) -> None:
    options = parse_options(RESTORERS[name].painting)
    assert type(options) is ENGINES[options.engine].options


def test_the_table_of_restorers_names_it(embedder: DlibEmbedder) -> None:
    restorer = RESTORERS["vivid"].load(embedder)
    assert restorer.name == "vivid"
