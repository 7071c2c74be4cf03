"""What is said of a clip: here, why none of its faces was swapped."""

from mien_pipeline.clips.render import PersonTally
from mien_pipeline.clips.report import explain_none


def test_who_gets_no_clip_is_told_why_and_of_how_many_pictures() -> None:
    refused = explain_none([
        PersonTally(frames=20, warnings={"occluded": 18}),
        PersonTally(frames=30, warnings={"occluded": 2, "hard-angle": 30}),
    ])  # fmt: skip
    assert str(refused).endswith("swapped; occluded in 20 of 50 pictures; hard-angle in 30 of 50 pictures")
    assert refused.fields == {"role": "target", "warnings": ["occluded", "hard-angle"]}
