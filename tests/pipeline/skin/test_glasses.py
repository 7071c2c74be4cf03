"""Glasses: noticed where a face wears them, with their rims and nothing else."""

from mien_pipeline.skin.glasses import crosses_bridge, glasses_mask
from mien_testing.portraits import Portrait, mask_at, mesh_of


def test_glasses_are_noticed_where_they_are_worn(astronaut: Portrait, admiral: Portrait) -> None:
    assert crosses_bridge(admiral[0].pixels, mesh_of(admiral))
    assert not crosses_bridge(astronaut[0].pixels, mesh_of(astronaut))


def test_rims_are_found_around_the_eyes_and_not_on_them(admiral: Portrait) -> None:
    found = glasses_mask(admiral[0].pixels, mesh_of(admiral))
    assert 0.005 < found[found > 0.5].size / found.size < 0.05
    assert mask_at(found, admiral, 159, 386, 145, 374, 50, 280, 13) < 0.05
