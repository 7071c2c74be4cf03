"""Settings: a flag, else the environment, else the file, else the default; changes are checked and kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from mien_core.errors import InvalidOptions
from mien_daemon.config import Config, LiveSettings, Settings

Daemon = Any


def write_file(state: Path, **settings: object) -> None:
    (state / "settings.json").write_text(json.dumps(settings))


def test_each_source_wins_over_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config.load(state_dir=tmp_path).settings.port == 6436
    write_file(tmp_path, port=1001, max_queued=7, keep_results_s=100)
    assert Config.load(state_dir=tmp_path).settings.port == 1001
    monkeypatch.setenv("MIEN_PORT", "1002")
    monkeypatch.setenv("MIEN_MAX_QUEUED", "8")
    assert Config.load(state_dir=tmp_path).settings.port == 1002
    config = Config.load({"port": 1003}, state_dir=tmp_path)
    assert (config.settings.port, config.settings.max_queued, config.settings.keep_results_s) == (1003, 8, 100)
    assert config.sources == {"port": "flag", "max_queued": "environment", "keep_results_s": "file"}


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("0", False), ("", False), ("true", True)])
def test_offline_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, meant: bool
) -> None:
    monkeypatch.setenv("MIEN_OFFLINE", text)
    assert Config.load(state_dir=tmp_path).settings.offline is meant


def test_a_value_that_cannot_be_says_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_PORT", "everywhere")
    with pytest.raises(InvalidOptions) as refused:
        Config.load(state_dir=tmp_path)
    assert (refused.value.fields["field"], refused.value.fields["source"]) == ("port", "environment")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"of_tomorrow": 1}'])
def test_a_settings_file_that_is_none_is_no_reason_not_to_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    assert Config.load(state_dir=tmp_path).settings == Settings()


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


async def test_a_change_is_kept_privately_and_nothing_else_with_it(tmp_path: Path) -> None:
    settings = LiveSettings(Config.load({"port": 0}, state_dir=tmp_path))
    await settings.change({"max_queued": 3})
    assert json.loads((tmp_path / "settings.json").read_text()) == {"max_queued": 3}
    assert (tmp_path / "settings.json").stat().st_mode & 0o777 == 0o600
    assert Config.load(state_dir=tmp_path).settings.max_queued == 3


async def test_one_wrong_change_changes_nothing(tmp_path: Path) -> None:
    settings = LiveSettings(Config.load(state_dir=tmp_path))
    with pytest.raises(InvalidOptions):
        await settings.change({"max_queued": 3, "keep_results_s": -1})
    assert settings.current == Settings()
    assert not (tmp_path / "settings.json").exists()
