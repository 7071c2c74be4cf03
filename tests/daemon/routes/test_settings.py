"""Settings over HTTP: shown with their meaning, changed in part, refused by name, and in force at once."""

from typing import Any

import pytest

from mien_daemon.config import Settings

Daemon = Any


async def test_settings_are_shown_with_their_meaning_and_changed_in_part(daemon: Daemon) -> None:
    rows = {row["name"]: row for row in (await daemon.ask("GET", "/v1/settings")).json["settings"]}
    assert rows.keys() == Settings.model_fields.keys()
    assert rows["idle_unload_s"]["value"] == rows["idle_unload_s"]["default"] == 300
    assert rows["idle_unload_s"]["meaning"]
    changed = await daemon.ask("PUT", "/v1/settings", {"idle_unload_s": 60})
    after = {row["name"]: row for row in changed.json["settings"]}
    assert (after["idle_unload_s"]["value"], after["idle_unload_s"]["source"]) == (60, "file")
    assert after["max_queued"] == rows["max_queued"]


@pytest.mark.parametrize("changes", [{"of_tomorrow": 1}, {"max_queued": 0}, {"offline": "perhaps"}, {"port": 70_000}])
async def test_a_change_that_cannot_be_is_refused_by_name(daemon: Daemon, changes: dict[str, object]) -> None:
    answer = await daemon.ask("PUT", "/v1/settings", changes)
    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid-options", next(iter(changes)))


async def test_a_limit_that_is_changed_counts_at_once(daemon: Daemon) -> None:
    await daemon.ask("PUT", "/v1/settings", {"max_blob_bytes": 1000})
    assert (await daemon.ask("GET", "/v1/health")).json["limits"]["max_blob_bytes"] == 1000
    answer = await daemon.ask("PUT", "/v1/blobs/sha256:" + "0" * 64, data=bytes(1001))
    assert (answer.status, answer.code) == (413, "image-too-large")
