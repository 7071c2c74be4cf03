"""A further try changes the noise, then the reference's repeats, then the steps, then the LoRA; never a strength."""

from mien_pipeline.engines.klein.options import KleinOptions
from mien_pipeline.engines.klein.retries import plan_tries

ASKED = KleinOptions(seed=5, retries=4)


def test_each_further_try_adds_one_change_and_has_a_noise_of_its_own() -> None:
    tries = list(plan_tries(ASKED))
    assert tries[0] == ASKED
    assert [(each.repeats, each.steps, each.lora_scale) for each in tries] == [
        (1, 4, 1.0),
        (1, 4, 1.0),
        (2, 4, 1.0),
        (2, 8, 1.0),
        (2, 8, 1.2),
    ]
    assert len({each.seed for each in tries}) == 5


def test_what_was_asked_for_is_never_lowered() -> None:
    bold = KleinOptions(seed=2**63 - 1, retries=4, repeats=3, steps=20, lora_scale=2.0)
    last = list(plan_tries(bold))[-1]
    assert (last.repeats, last.steps, last.lora_scale) == (3, 20, 2.0)
    assert KleinOptions.model_validate(last.model_dump()) == last


def test_no_retries_is_one_try_and_a_clip_takes_one_a_picture() -> None:
    assert list(plan_tries(ASKED.model_copy(update={"retries": 0}))) == [ASKED.model_copy(update={"retries": 0})]
    assert len(list(plan_tries(ASKED.make_steady()))) == 1
    assert ASKED.make_safer().seed != ASKED.seed
