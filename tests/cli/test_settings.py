"""A setting is changed where it is in force: by the running daemon, else in the settings file."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from mien_cli.settings import change_settings
from mien_core.errors import InvalidOptions
from mien_testing.scripted_daemon import Asked, ScriptedDaemon

HERE = Namespace(state_dir=None, models_dir=None)


def test_a_running_daemon_is_asked(scripted: ScriptedDaemon) -> None:
    change_settings(HERE, {"notify_failed": False})
    assert scripted.asked == [Asked("PUT", "/v1/settings", {"notify_failed": False})]
    assert not (scripted.state / "settings.json").exists()


def test_without_a_daemon_the_file_is_written(folders: Path) -> None:
    change_settings(HERE, {"notify_failed": False})
    assert json.loads((folders / "state/settings.json").read_text(encoding="utf-8"))["notify_failed"] is False


def test_a_setting_that_there_is_not_is_refused_by_name(folders: Path) -> None:
    with pytest.raises(InvalidOptions) as refused:
        change_settings(HERE, {"notify_never": True})
    assert refused.value.fields["field"] == "notify_never"
