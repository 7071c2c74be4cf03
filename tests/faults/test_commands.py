"""A disk that refuses once costs no command anything: what was there is whole, and the same command works again.

Every call that changes a file is failed in turn when MIEN_EVERY_FAULT is set (`nox -s faults`); otherwise a few are.
"""

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien_models.store import ModelStore
from mien_testing import changing_commands as commands
from mien_testing.changing_commands import Operation, Shell, Trial
from mien_testing.faults import CHANGES, GROWS, Action, Faults, is_every_fault_wanted, spread
from mien_testing.network import Shop

pytestmark = pytest.mark.slow

# Each starts a process that loads the networks: one of their faults is tried beside the rest of the suite.
HEAVY = (commands.SWAP, commands.ADD_SECOND)
HEAVY_AT_LENGTH = (commands.SWAP_OVER, commands.RESTORE, commands.ADD_FIRST)
LIGHT = (commands.WITHDRAW, commands.FORGET, commands.REMOVE_MODEL)
LIGHT_AT_LENGTH = (commands.IMPORT, commands.PULL_FOLDER, commands.EXPORT, commands.VERIFY)
HOW = [
    pytest.param({"error": errno.ENOSPC}, id="full"),
    pytest.param({"error": errno.EIO}, id="broken"),
    pytest.param({"error": errno.EMFILE}, id="no-more-files"),
    pytest.param({"action": Action.SHORT, "error": errno.ENOSPC}, id="short"),
    pytest.param({"error": errno.ENOSPC, "kinds": GROWS, "last": 1 << 40}, id="full-for-good"),
    pytest.param({"action": Action.KILL}, id="killed"),
]

MakeTrial = Callable[[Operation], Trial]


@pytest.fixture
def shell(faults: Faults, models: ModelStore, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "under", faults, models.root)


@pytest.fixture
def make_trial(shell: Shell) -> MakeTrial:
    return lambda operation: Trial(operation, shell)


def name_of(operation: Operation) -> str:
    return operation.name.replace(" ", "-")


@pytest.mark.parametrize("operation", HEAVY, ids=name_of)
def test_one_refused_call_costs_a_picture_or_a_face_nothing(make_trial: MakeTrial, operation: Operation) -> None:
    trial = make_trial(operation)
    for number in spread(trial.count(), 1):
        trial.survive(number)


@pytest.mark.parametrize("operation", LIGHT, ids=name_of)
def test_one_refused_call_costs_the_library_or_the_store_nothing(make_trial: MakeTrial, operation: Operation) -> None:
    trial = make_trial(operation)
    for number in spread(trial.count(), 2):
        trial.survive(number, errno.EIO)


def test_one_refused_call_costs_a_download_nothing(shop: Shop, make_trial: MakeTrial) -> None:
    shop.files = {"/a.dat": commands.WEIGHTS, "/b.dat": commands.WEIGHTS}

    def offer(shell: commands.Shell) -> None:
        commands.offer_from_server(shell, shop.url)

    trial = make_trial(replace(commands.PULL_FOLDER, prepare=offer))
    for number in spread(trial.count(), 2):
        trial.survive(number)


def test_a_process_that_is_killed_in_a_removal_leaves_one_that_can_be_repeated(make_trial: MakeTrial) -> None:
    trial = make_trial(commands.REMOVE_MODEL)
    for number in spread(trial.count(), 3):
        trial.survive(number, action=Action.KILL)


if is_every_fault_wanted():

    @pytest.mark.parametrize("how", HOW)
    @pytest.mark.parametrize("operation", [*HEAVY, *HEAVY_AT_LENGTH, *LIGHT, *LIGHT_AT_LENGTH], ids=name_of)
    def test_every_refused_call_costs_nothing(make_trial: MakeTrial, operation: Operation, how: dict[str, Any]) -> None:
        trial = make_trial(operation)
        found = list[str]()
        for number in range(1, trial.count(how.get("kinds", CHANGES)) + 1):
            try:
                trial.survive(number, **how)
            except AssertionError as error:
                found.append(str(error))
        assert found == []
