"""What the daemon refuses has a name, a code, and a branch that says who must do something."""

import inspect

import pytest

from mien_api import errors
from mien_core.errors import BadRequest, MienError

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, MienError) and kind.__module__ == errors.__name__
]
BRANCHES: tuple[type[MienError], ...] = (errors.AccessError, errors.MissingError, errors.StateError)
LEAVES = [kind for kind in TREE if kind not in BRANCHES]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_and_exactly_one_branch(kind: type[MienError]) -> None:
    assert "code" in vars(kind)
    assert len([branch for branch in (*BRANCHES, BadRequest) if issubclass(kind, branch)]) == 1


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree(kind: type[MienError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("branch", BRANCHES, ids=lambda kind: kind.__name__)
def test_a_branch_is_never_told_by_itself(branch: type[MienError]) -> None:
    assert "code" not in vars(branch)
