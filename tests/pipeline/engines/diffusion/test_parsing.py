"""The parsing network names every pixel."""

from mien_pipeline.engines.diffusion.parsing import BiSeNet, ParsingClass
from mien_testing.formulas import draw_parameters, values


def test_the_parsing_network_names_every_pixel() -> None:
    network = draw_parameters(BiSeNet((8, 8, 12, 16), 8, 8, 4))
    found = network(values(1, 3, 96, 64))
    assert found.shape == (1, 96, 64)
    assert set(found.unique().tolist()) <= {int(region) for region in ParsingClass}
