"""A report promises the fields that scripts rely on, rounded, and settings without a person's own words."""

import json

from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.options import RestoreOptions
from mien_pipeline.report import Edit, FaceReport, IdentityScores, LeftOut, ModelUse, Provenance, Swapped, describe

SCORES = IdentityScores("dlib", 0.123456, 0.5, 0.98765)
DONE = Swapped(
    data=b"picture",
    media_type="image/png",
    engine="mesh",
    size=(100, 40),
    seconds=1.23456,
    stages={"decode": 0.123456},
    faces=(
        FaceReport(0, (1.25, 2.0, 3.0, 4.0), False),
        FaceReport(
            1, (40.0, 4.0, 70.0, 34.04), True, SCORES, ("occluded",), (SCORES, SCORES), "clear", 0.4567, ("edge",), True
        ),
    ),
    provenance=Provenance(c2pa=True, watermark="weak"),
    models=(ModelUse("iris", "0" * 64), ModelUse("w600k", "1" * 64, ran_on="CPUExecutionProvider")),
    warnings=("incomplete",),
    missing_rows=3,
    left_out=(LeftOut(2, "other-person", reference=1),),
)


def test_the_report_is_json_with_the_fields_that_scripts_rely_on() -> None:
    rounded = {"recogniser": "dlib", "to_reference": 0.123, "to_target": 0.5, "before": 0.988}
    assert json.loads(json.dumps(describe(DONE))) == {
        "engine": "mesh",
        "seconds": 1.235,
        "stages": {"decode": 0.1235},
        "size": [100, 40],
        "choice": None,
        "detector": {"faces": "yunet", "points": "mesh"},
        "warnings": ["incomplete"],
        "missing_rows": 3,
        "left_out": [{"picture": 2, "why": "other-person", "reference": 1}],
        "faces": [
            {
                "index": 0,
                "bbox": [1.2, 2.0, 3.0, 4.0],
                "swapped": False,
                "identity": None,
                "verdict": None,
                "naturalness": None,
                "faults": [],
                "retried": False,
                "attempts": [],
                "warnings": [],
            },
            {
                "index": 1,
                "bbox": [40.0, 4.0, 70.0, 34.0],
                "swapped": True,
                "identity": rounded,
                "verdict": "clear",
                "naturalness": 0.457,
                "faults": ["edge"],
                "retried": True,
                "attempts": [rounded, rounded],
                "warnings": ["occluded"],
            },
        ],
        "provenance": {"c2pa": True, "watermark": "weak"},
        "models": [
            {"name": "iris", "sha256": "0" * 64, "verified": True, "ran_on": None},
            {"name": "w600k", "sha256": "1" * 64, "verified": True, "ran_on": "CPUExecutionProvider"},
        ],
    }


def test_the_report_holds_neither_the_picture_nor_its_type() -> None:
    assert not {"data", "media_type"} & describe(DONE).keys()


def test_the_settings_of_an_edit_name_what_made_it_and_hold_no_words_of_a_person() -> None:
    settings = Edit("swap", "flux", FluxOptions(prompt="mine", steps=9)).settings
    assert (settings["engine"], settings["steps"], settings["base"]) == ("flux", 9, "dev")
    assert not {"prompt", "negative_prompt"} & settings.keys()


def test_a_restoration_is_named_by_its_restorer() -> None:
    settings = Edit("restore", "vivid", RestoreOptions(amount=0.3)).settings
    assert settings == {"engine": "vivid", "amount": 0.3, "restorer": "vivid", "fidelity": 0.5}


def test_a_sheet_of_results_is_named_by_the_engine_alone() -> None:
    assert Edit("swap", "mesh", None).settings == {"engine": "mesh"}
