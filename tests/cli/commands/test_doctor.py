"""`mien doctor` finds what is missing and says where everything lies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_core.version import product_version

RunJson = Callable[..., tuple[int, Any]]


def test_doctor_finds_the_models_and_says_where_everything_lies(here: Path, run_json: RunJson) -> None:
    status, found = run_json("doctor")
    assert status == 0
    assert found["models"]["missing"] == []
    assert found["daemon"] == {"running": False}
    assert found["folders"]["state"]["path"] == str(here / "state")


def test_updates_are_asked_for_only_where_there_is_a_network(here: Path, run_json: RunJson) -> None:
    status, problem = run_json("doctor", "--check-updates")
    assert (status, problem["code"]) == (1, "offline")


@pytest.mark.parametrize(("offered", "newer"), [("99.0", True), ("0.0.1", False), (None, False)])
def test_a_newer_release_is_told_and_not_installed(
    offered: str | None, newer: bool, here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder of wheels, which pip's settings may name in place of an index."""
    (here / "wheels").mkdir()
    if offered:
        (here / f"wheels/mien-{offered}-py3-none-any.whl").touch()
    monkeypatch.setenv("MIEN_OFFLINE", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(here / "wheels"))
    status, found = run_json("doctor", "--check-updates")
    assert status == 0
    assert found == {"version": product_version(), "newest": offered, "newer": newer}


def test_the_clients_own_package_beside_mien_is_told(
    here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both write the same files, so removing one takes the other's."""
    metadata = here / "site/mien_client-0.2.0.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.4\nName: mien-client\nVersion: 0.2.0\n")
    monkeypatch.syspath_prepend(here / "site")
    _, found = run_json("doctor")
    assert found["client_beside"] == "0.2.0"
    assert "mien-client is installed beside Mien, which has its files" in found["problems"][0]
