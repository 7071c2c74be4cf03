"""Every claim is one file that says what it varies, in options that its engines understand."""

from collections import Counter
from pathlib import Path

import pytest

from mien_core.errors import InvalidOptions
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.evaluation import claims
from mien_pipeline.evaluation.claim import Suite, choose_claims, find_claims

CLAIMS = find_claims()


def test_every_file_is_a_claim_of_that_name() -> None:
    files = {path.stem for path in Path(str(claims.__file__)).parent.glob("*.py")} - {"__init__"}
    assert (
        set(CLAIMS)
        == files
        == {*("accessories", "angle", "compression", "context", "expression", "guidance", "hair", "light", "size")}
    )


@pytest.mark.parametrize("suite", ["quick", "full"])
@pytest.mark.parametrize("name", CLAIMS)
def test_levels_differ_and_their_options_are_the_engines_own(name: str, suite: Suite) -> None:
    claim = CLAIMS[name]
    axes = claim.axes(suite)
    assert len({axis.name for axis in axes}) == len(axes)
    for axis in axes:
        named = Counter((level.series, level.name) for level in axis.levels)
        assert max(named.values()) == 1
        for engine in claim.engines or ENGINES:
            for level in axis.levels:
                assert parse_options({"engine": engine, **level.options})
                assert claim.change or level.options or claim.name == "guidance"


@pytest.mark.parametrize("name", CLAIMS)
def test_a_quick_run_is_a_part_of_a_full_one(name: str) -> None:
    def levels(suite: Suite) -> set[tuple[str, str, str]]:
        return {(axis.name, each.series, each.name) for axis in CLAIMS[name].axes(suite) for each in axis.levels}

    assert levels("quick") <= levels("full")


def test_a_claim_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidOptions) as refused:
        choose_claims(["size", "beauty"])
    assert refused.value.fields == {"field": "claims", "known": list(CLAIMS)}
    assert [claim.name for claim in choose_claims([])] == list(CLAIMS)
