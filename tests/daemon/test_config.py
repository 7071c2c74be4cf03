"""Settings: a flag, else the environment, else the file, else the default; changes are checked and kept."""

import asyncio
import json
import threading
from pathlib import Path

import pytest

from mien_core.errors import InvalidOptions
from mien_core.files import write_whole
from mien_daemon.config import Config, LiveSettings, Settings


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


async def test_a_second_change_keeps_the_first_and_a_person_sees_where_both_come_from(tmp_path: Path) -> None:
    settings = LiveSettings(Config.load({"max_queued": 9}, state_dir=tmp_path))
    await settings.change({"max_queued": 3})
    changed = await settings.change({"paused": True})
    assert (changed.max_queued, changed.paused) == (3, True)
    assert settings.current is changed
    assert settings.sources == {"max_queued": "file", "paused": "file"}
    assert json.loads((tmp_path / "settings.json").read_text()) == {"max_queued": 3, "paused": True}


async def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    settings = LiveSettings(Config.load(state_dir=tmp_path))
    changes: list[dict[str, object]] = [{"max_queued": 3}, {"paused": True}, {"port": 0}, {"offline": True}]
    await asyncio.gather(*map(settings.change, changes))
    kept = json.loads((tmp_path / "settings.json").read_text())
    assert kept == {"max_queued": 3, "paused": True, "port": 0, "offline": True}
    assert Config.load(state_dir=tmp_path).settings == settings.current


async def test_a_change_never_holds_up_the_loop_and_is_finished_when_its_client_goes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def write_slowly(path: Path, data: bytes, mode: int) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(20)
        write_whole(path, data, mode)

    monkeypatch.setattr("mien_daemon.config.write_whole", write_slowly)
    settings = LiveSettings(Config.load(state_dir=tmp_path))
    changing = asyncio.create_task(settings.change({"max_queued": 3}))
    await begun.wait()
    changing.cancel()
    await asyncio.gather(changing, return_exceptions=True)
    go_on.set()
    await settings.change({"paused": True})
    assert (settings.current.max_queued, settings.current.paused) == (3, True)


async def test_a_disk_that_takes_no_change_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("read-only")

    monkeypatch.setattr("mien_daemon.config.write_whole", refuse)
    settings = LiveSettings(Config.load(state_dir=tmp_path))
    with pytest.raises(OSError, match="read-only"):
        await settings.change({"max_queued": 3})
    assert settings.current == Settings()
    assert settings.sources == {}


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("port", 0, 65_535),
        ("keep_results_s", 60, 3650 * 86_400),
        ("idle_unload_s", 1, 30 * 86_400),
        ("max_queued", 1, 10_000),
        ("max_blob_bytes", 1000, 200_000_000),
        ("max_pixels", 1000, 120_000_000),
    ],
)
def test_a_number_has_its_bounds(tmp_path: Path, name: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(Config.load({name: value}, state_dir=tmp_path).settings, name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(InvalidOptions) as refused:
            Config.load({name: value}, state_dir=tmp_path)
        assert (refused.value.fields["field"], refused.value.fields["source"]) == (name, "flag")


def test_an_unknown_flag_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptions) as refused:
        Config.load({"of_tomorrow": 1}, state_dir=tmp_path)
    assert refused.value.fields["field"] == "of_tomorrow"


def test_a_flag_that_was_not_given_is_no_source(tmp_path: Path) -> None:
    config = Config.load({"port": None}, state_dir=tmp_path)
    assert (config.settings.port, config.sources) == (6436, {})


def test_the_port_that_was_bound_replaces_the_one_that_was_asked_for(tmp_path: Path) -> None:
    config = Config.load({"port": 0, "max_queued": 3}, state_dir=tmp_path).on_port(1234)
    assert (config.settings.port, config.settings.max_queued) == (1234, 3)
