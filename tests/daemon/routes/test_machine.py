"""The machine says how much memory and room there is, and where its folders are."""

from pathlib import Path
from typing import Any

from mien_daemon.routes.machine import free_bytes


async def test_the_machine_names_its_folders_and_the_room_on_their_disks(daemon: Any) -> None:
    machine = (await daemon.ask("GET", "/v1/machine")).json
    folders = {folder["purpose"]: folder for folder in machine["folders"]}
    assert set(folders) == {"state", "cache", "logs", "models"}
    assert folders["state"]["path"] == str(daemon.state)
    assert folders["state"]["free_bytes"] > 0
    assert machine["memory_bytes"] > 0
    assert machine["processors"] >= 1


async def test_a_token_for_swaps_is_not_told_where_folders_are(daemon: Any) -> None:
    assert (await daemon.ask("GET", "/v1/machine", token=await daemon.token("swap"))).code == "wrong-scope"


def test_the_room_for_a_folder_that_is_not_there_is_not_known(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "nothing") is None
    assert free_bytes(tmp_path) is not None
