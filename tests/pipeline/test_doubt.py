"""The rule of doubt promises: what graders called bad is announced by name, the rest carries no fault."""

import pytest

from mien_pipeline.doubt import RULE, weigh
from mien_pipeline.report import Fault, IdentityScores
from mien_pipeline.skin.naturalness import Looks, Naturalness

TYPICAL = Looks(*(RULE[name].mean for name in Looks._fields))


def rate(looks: Looks | None, to_target: float = 0.7, *, kept: bool = False, recogniser: str = "dlib") -> Naturalness:
    scores = IdentityScores(recogniser, 0.4, to_target, 0.0)
    return weigh(Naturalness(0.3, ("edge",), looks), scores, beard_kept=kept)


def off(name: str, deviations: float) -> Looks:
    term = RULE[name]
    return TYPICAL._replace(**{name: term.mean + deviations * term.deviation * (1 if term.weight > 0 else -1)})


def test_a_typical_result_has_no_fault_and_is_above_the_line() -> None:
    rated = rate(TYPICAL)
    assert (rated.faults, rated.score > 0.5) == ((), True)


@pytest.mark.parametrize(("figure", "fault"), [("landmarks", "landmarks"), ("shade", "beard"), ("lips", "mouth")])
def test_what_speaks_against_a_result_is_named(figure: str, fault: Fault) -> None:
    rated = rate(off(figure, 3), to_target=0.3)
    assert rated.score < 0.5
    assert fault in rated.faults


@pytest.mark.parametrize("figure", Looks._fields)
def test_each_figure_moves_the_number_one_way_and_none_without_limit(figure: str) -> None:
    better, typical, worse, worst, beyond = (rate(off(figure, by)).score for by in (-1, 0, 1, 3, 30))
    assert better > typical > worse > worst == beyond


def test_the_less_a_face_changed_and_where_its_own_beard_stays_the_less_is_to_fear() -> None:
    ragged = off("lips", 1.5)
    assert rate(ragged, 0.3).score < rate(ragged, 0.9).score
    assert rate(ragged, 0.5).score < rate(ragged, 0.5, kept=True).score


@pytest.mark.parametrize("to_target", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("deviations", [-2.0, 0.0, 1.0, 3.0])
def test_faults_are_named_below_one_half_and_only_there(to_target: float, deviations: float) -> None:
    rated = rate(off("shade", deviations), to_target)
    assert bool(rated.faults) is (rated.score <= 0.5)


def test_what_was_found_before_is_named_beside_it_where_a_result_is_announced_at_all() -> None:
    assert "edge" in rate(off("lips", 3), 0.2).faults
    assert "edge" not in rate(TYPICAL).faults


def test_an_engine_that_does_not_say_what_it_meant_and_another_recogniser_are_judged_as_before() -> None:
    for rated in (rate(None), rate(TYPICAL, recogniser="arcface-w600k_r50")):
        assert (rated.score, rated.faults) == (0.3, ("edge",))
