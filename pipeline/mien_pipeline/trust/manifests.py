"""What a picture's content credentials (C2PA) say, out of the JSON of the library that validated them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

State = Literal["valid", "invalid", "none"]

ASSERTION = "local.mien.making"
UNREADABLE = "unreadable_parent"  # in that assertion: the target had credentials, and they were ruined
UNREADABLE_CODES = ("manifest.unreadable",)
ELSEWHERE = "parent_kept_elsewhere"  # in that assertion: the target says that its credentials are on the web
ELSEWHERE_CODES = ("manifest.inaccessible",)
_UNTRUSTED = "signingCredential.untrusted"  # signed under a private root, as ours is to others: no fault of the picture


@dataclass(frozen=True, slots=True)
class Parent:
    """What a picture was made from: whether that had credentials of its own, and in what order they were."""

    state: State
    trusted: bool = False
    problems: tuple[str, ...] = ()
    signer: str | None = None
    software: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a picture's credentials say.

    Attributes:
        state: "none" without credentials, "invalid" when they contradict the picture or themselves.
        trusted: signed under a root of this install.
        actions: their C2PA names, in order.
        source_type: the last digital source type that any action names.
        parents: what the picture was made from.
        problems: C2PA's own failure codes.
        signer: common name and organisation on the certificate, with algorithm, serial and signing time.
        software: who made the claim.
    """

    state: State = "none"
    trusted: bool = False
    actions: tuple[str, ...] = ()
    source_type: str | None = None
    parents: tuple[Parent, ...] = ()
    problems: tuple[str, ...] = ()
    signer: Mapping[str, str] = field(default_factory=dict[str, str])
    software: str | None = None


def to_credentials(store: Mapping[str, Any]) -> Credentials:
    """What the library read; inside an assertion a stranger may have written anything."""
    manifests = mapping(store.get("manifests"))
    manifest = mapping(manifests.get(str(store.get("active_manifest"))))
    problems = _failures(store.get("validation_results"))
    actions = _actions(manifest)
    sources = [str(action["digitalSourceType"]) for action in actions if action.get("digitalSourceType")]
    return Credentials(
        state="invalid" if store.get("validation_state") == "Invalid" else "valid",
        trusted=store.get("validation_state") == "Trusted",
        actions=tuple(str(action.get("action")) for action in actions),
        source_type=sources[-1] if sources else None,
        parents=tuple(
            _to_parent(ingredient, manifests, _parent_problems(manifest))
            for ingredient in mappings(manifest.get("ingredients"))
            if ingredient.get("relationship") == "parentOf"
        ),
        problems=problems,
        signer={key: str(value) for key, value in mapping(manifest.get("signature_info")).items()},
        software=_software(manifest),
    )


def _actions(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        action
        for assertion in mappings(manifest.get("assertions"))
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in mappings(mapping(assertion.get("data")).get("actions"))
    ]


def _parent_problems(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """What was the matter with a parent's credentials, where nothing of them was taken over."""
    assertions = mappings(manifest.get("assertions"))
    made = [mapping(each.get("data")) for each in assertions if each.get("label") == ASSERTION]
    if any(data.get(UNREADABLE) for data in made):
        return UNREADABLE_CODES
    return ELSEWHERE_CODES if any(data.get(ELSEWHERE) for data in made) else ()


def _to_parent(ingredient: Mapping[str, Any], manifests: Mapping[str, Any], known: tuple[str, ...]) -> Parent:
    """What was recorded of a parent when it was opened: a tampered one leaves the child's own credentials valid."""
    results = mapping(ingredient.get("validation_results"))
    if known:
        return Parent("invalid" if known == UNREADABLE_CODES else "none", problems=known)
    if not ingredient.get("active_manifest"):
        return Parent("none", problems=_failures(results))
    problems = _failures(results)
    manifest = mapping(manifests.get(str(ingredient["active_manifest"])))
    codes = _codes(results, "success")
    signer = mapping(manifest.get("signature_info")).get("common_name")
    return Parent(
        state="invalid" if problems else "valid",
        trusted="signingCredential.trusted" in codes and not problems,
        problems=problems,
        signer=None if signer is None else str(signer),
        software=_software(manifest),
    )


def _software(manifest: Mapping[str, Any]) -> str | None:
    if info := mappings(manifest.get("claim_generator_info")):
        return " ".join(str(info[0][key]) for key in ("name", "version") if info[0].get(key))
    named = manifest.get("claim_generator")
    return str(named) if named else None


def _failures(results: object) -> tuple[str, ...]:
    return tuple(code for code in _codes(mapping(results), "failure") if code != _UNTRUSTED)


def _codes(results: Mapping[str, Any], outcome: str) -> list[str]:
    """Codes of one outcome, of the manifest itself and of what changed in its ingredients since."""
    groups = [mapping(results.get("activeManifest"))]
    groups += [mapping(delta.get("validationDeltas")) for delta in mappings(results.get("ingredientDeltas"))]
    entries = [entry for group in groups for entry in mappings(group.get(outcome))]
    return list(dict.fromkeys(str(entry.get("code")) for entry in entries))


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one in place of anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; its other values are left out."""
    return (
        [mapping(each) for each in cast("list[object]", value) if isinstance(each, dict)]
        if isinstance(value, list)
        else []
    )
