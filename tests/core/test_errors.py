"""An error states a fact, names what to fix, and is the same on the other side of a process."""

import inspect
import pickle
import subprocess
import sys

import pytest

from mien_core import errors
from mien_core.errors import BadRequest, MienError, NoFaceFound

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MienError)]
LEAVES = [kind for kind in TREE if not any(issubclass(other, kind) and other is not kind for other in TREE)]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_leaf_has_a_code_of_its_own(kind: type[MienError]) -> None:
    assert "code" in vars(kind)
    assert kind.code == kind.code.lower()
    assert [other for other in TREE if other.code == kind.code] == [kind]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_leaf_is_drawn_under_its_branch(kind: type[MienError]) -> None:
    lines = (errors.__doc__ or "").splitlines()
    (at,) = (number for number, line in enumerate(lines) if f"─ {kind.__name__}" in line)
    branch = kind.__bases__[0].__name__
    depth = lines[at].index("─")
    above = next(line for line in reversed(lines[:at]) if line.strip("│ ") and line.find("─") < depth)
    assert branch in above


def test_an_error_survives_pickling_with_its_fields_and_its_cause_unsaid() -> None:
    error = NoFaceFound("no face", role="target", found=0)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(back) is NoFaceFound
    assert (str(back), back.fields) == ("no face", {"role": "target", "found": 0})


def test_a_branch_catches_its_leaves_and_no_others() -> None:
    assert issubclass(NoFaceFound, BadRequest)
    assert not issubclass(errors.DiskFull, BadRequest)
    assert issubclass(errors.DiskFull, errors.ResourceError)


def test_what_has_no_code_is_internal() -> None:
    assert MienError("anything").code == "internal-error"
    assert MienError("anything").fields == {}


def test_errors_are_light() -> None:
    """Every process imports them, the tray included."""
    code = "import sys; before = set(sys.modules); import mien_core.errors; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"mien_core"}
