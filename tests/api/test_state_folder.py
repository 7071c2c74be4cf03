"""The state folder is found without platformdirs, where platformdirs finds it."""

from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from mien_api.state_folder import find_platforms_own, find_state_folder


@pytest.fixture(params=["", "  ", "elsewhere", "/var/elsewhere"])
def chosen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a person may have set: nothing, nothing visible, a relative path, which does not count, a folder."""
    monkeypatch.setenv("XDG_STATE_HOME", request.param)
    monkeypatch.delenv("MIEN_STATE_DIR", raising=False)
    return str(request.param)


@pytest.mark.parametrize(("platform", "dirs"), [("linux", Unix), ("darwin", MacOS)])
def test_it_is_where_platformdirs_says(platform: str, dirs: type[Unix | MacOS], chosen: str) -> None:
    found = find_platforms_own(platform, {"XDG_STATE_HOME": chosen}, Path.home())
    assert found == dirs("mien", appauthor=False).user_state_path


def test_on_windows_it_is_in_the_local_data_of_programs() -> None:
    """As platformdirs' `user_state_dir` there: `CSIDL_LOCAL_APPDATA` and the name."""
    home = Path("/C/Users/ann")
    assert find_platforms_own("win32", {"LOCALAPPDATA": "/D/local"}, home) == Path("/D/local/mien")
    assert find_platforms_own("win32", {}, home) == home / "AppData/Local/mien"


def test_a_folder_that_is_named_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_STATE_DIR", str(tmp_path / "set"))
    assert find_state_folder(tmp_path) == tmp_path
    assert find_state_folder() == tmp_path / "set"
