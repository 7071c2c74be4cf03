"""What credentials say is read out of the validating library's JSON, in which a stranger may have written anything."""

from typing import Any

import pytest

from mien_pipeline.trust.manifests import ELSEWHERE_CODES, UNREADABLE_CODES, Credentials, Parent, to_credentials

ODD = [None, 7, "a word", [], [1, {}], {}, {"a": 1}]


def store(manifest: dict[str, Any], *others: tuple[str, dict[str, Any]], **said: Any) -> dict[str, Any]:
    return {"active_manifest": "it", "manifests": {"it": manifest, **dict(others)}, **said}


def test_a_signature_under_a_private_root_is_no_fault_of_the_picture() -> None:
    failures = [{"code": "signingCredential.untrusted"}, {"code": "assertion.dataHash.mismatch"}]
    said = to_credentials(
        store({}, validation_state="Invalid", validation_results={"activeManifest": {"failure": failures}})
    )
    assert (said.state, said.problems) == ("invalid", ("assertion.dataHash.mismatch",))


def test_the_last_action_that_names_a_source_says_what_the_picture_is() -> None:
    actions = [{"action": "c2pa.opened", "digitalSourceType": "camera"}, {"action": "c2pa.edited"}]
    said = to_credentials(store({"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]}))
    assert (said.actions, said.source_type) == (("c2pa.opened", "c2pa.edited"), "camera")


def test_only_what_a_picture_was_made_from_is_a_parent_and_it_is_told_by_its_own_manifest() -> None:
    parent = {"relationship": "parentOf", "active_manifest": "before"}
    before = {"signature_info": {"common_name": "A camera"}, "claim_generator": "Camera 1.0"}
    said = to_credentials(store({"ingredients": [parent, {"relationship": "componentOf"}]}, ("before", before)))
    assert said.parents == (Parent("valid", signer="A camera", software="Camera 1.0"),)


@pytest.mark.parametrize(
    ("word", "state", "codes"),
    [("unreadable_parent", "invalid", UNREADABLE_CODES), ("parent_kept_elsewhere", "none", ELSEWHERE_CODES)],
)
def test_a_parent_whose_credentials_could_not_be_taken_over_is_told(
    word: str, state: str, codes: tuple[str, ...]
) -> None:
    made = {"label": "local.mien.making", "data": {word: True}}
    said = to_credentials(store({"assertions": [made], "ingredients": [{"relationship": "parentOf"}]}))
    assert [(parent.state, parent.problems) for parent in said.parents] == [(state, codes)]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "place", ["assertions", "ingredients", "signature_info", "claim_generator_info", "validation_results"]
)
def test_a_value_of_another_kind_says_nothing_and_breaks_nothing(place: str, odd: object) -> None:
    said = to_credentials(store({place: odd}, validation_results=odd))
    assert isinstance(said, Credentials)
    assert (said.actions, said.parents, said.problems) == ((), (), ())
