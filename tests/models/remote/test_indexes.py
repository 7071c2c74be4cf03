"""The indexes asked are those that pip and uv are set up with on this machine, read as they read them."""

from pathlib import Path

import pytest

from mien_core.errors import DownloadFailed
from mien_models.remote.index_settings import Place
from mien_models.remote.indexes import PYPI, one_index, read_index_settings
from mien_models.remote.pip_settings import read_pip_settings, settings_files


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a person with an empty home and a system without settings."""
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def addresses(environ: dict[str, str], folder: Path) -> list[str]:
    return [place.url or str(place.path) for place in read_index_settings(environ, folder).indexes]


def test_with_no_settings_pypi_is_asked(home: dict[str, str], tmp_path: Path) -> None:
    assert addresses(home, tmp_path) == [PYPI]


def test_pips_levels_replace_one_another_value_by_value(home: dict[str, str], tmp_path: Path) -> None:
    write(
        tmp_path / "xdg/pip/pip.conf",
        "[global]\nindex-url = https://a.example/\nfind-links = /a\nclient-cert = /a.pem\n",
    )
    write(tmp_path / "home/.pip/pip.conf", "[download]\nextra_index_url = https://b.example/\n  https://c.example/\n")
    write(tmp_path / "home/.config/pip/pip.conf", "[global]\nindex-url = https://d.example/\n[install]\nno-index = 1\n")
    write(tmp_path / "prefix/pip.conf", "[global]\nfind-links = here ~/there\n[download]\nproxy = http://p.example:1\n")
    read = read_pip_settings(home, tmp_path, "linux", str(tmp_path / "prefix"))

    assert [place.url for place in read.indexes] == ["https://d.example/", "https://b.example/", "https://c.example/"]
    assert [place.path for place in read.find_links] == [tmp_path / "here", Path.home() / "there"]
    assert (read.client_certificate, read.proxy, read.no_index) == ("/a.pem", "http://p.example:1", False)
    own = str(write(tmp_path / "own.conf", "[global]\nindex-url = https://e.example/\n"))
    given = home | {"PIP_CONFIG_FILE": own, "PIP_TRUSTED_HOST": "E.example:80 f.example", "PIP_NO_INDEX": "true"}
    read = read_pip_settings(given, tmp_path, "linux", str(tmp_path / "prefix"))
    assert [place.url for place in read.indexes] == ["https://e.example/"]  # the person's own files are not read
    assert read.trusted_hosts == {"e.example:80", "f.example"}
    assert read_index_settings(given, tmp_path).indexes == ()
    assert settings_files(home | {"PIP_CONFIG_FILE": "/dev/null"}, "linux", "/prefix") == []


def test_pips_files_are_looked_for_where_each_system_keeps_them(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "APPDATA": "C:/Users/me/AppData", "PROGRAMDATA": "C:/ProgramData"}
    windows = settings_files(environ, "win32", "C:/venv")
    assert windows == [
        Path("C:/ProgramData/pip/pip.ini"),
        tmp_path / "pip/pip.ini",
        Path("C:/Users/me/AppData/pip/pip.ini"),
        Path("C:/venv/pip.ini"),
    ]
    mac = settings_files(environ, "darwin", "/venv")
    assert mac[0] == Path("/Library/Application Support/pip/pip.conf")
    assert mac[2] == tmp_path / ".config/pip/pip.conf"
    (tmp_path / "Library/Application Support/pip").mkdir(parents=True)
    assert settings_files(environ, "darwin", "/venv")[2] == tmp_path / "Library/Application Support/pip/pip.conf"


def test_uvs_files_and_variables_name_indexes_too(home: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "work/uv.toml", '[[index]]\nname = "co"\nurl = "https://a.example/"\n[pip]\nfind-links = ["x"]\n')
    write(tmp_path / "home/.config/uv/uv.toml", 'index-url = "https://b.example/"\nextra-index-url = ["file:///c"]\n')
    write(
        tmp_path / "xdg/uv/uv.toml",
        '[[index]]\nurl = "https://no.example/"\nexplicit = true\n[[index]]\nurl = "https://flat.example/"\n'
        'format = "flat"\n',
    )
    inside = tmp_path / "work/inside"
    inside.mkdir()
    assert addresses(home, inside) == ["/c", "https://b.example/", "https://a.example/"]
    read = read_index_settings(home | {"UV_INDEX_CO_USERNAME": "me", "UV_INDEX_CO_PASSWORD": "x"}, inside)
    assert [place.authorization for place in read.indexes] == [None, None, "Basic bWU6eA=="]
    assert [place.url or place.path for place in read.find_links] == [tmp_path / "work/x", "https://flat.example/"]

    given = home | {"UV_DEFAULT_INDEX": "https://d.example/", "UV_INDEX": "e=https://e.example/?a=b https://f.example/"}
    given |= {"UV_NO_CONFIG": "1", "UV_FIND_LINKS": "/one, /two", "UV_INSECURE_HOST": "g.example"}
    assert addresses(given, inside) == ["https://d.example/", "https://e.example/?a=b", "https://f.example/"]
    read = read_index_settings(given, inside)
    assert read.find_links == (Place(Path("/one")), Place(Path("/two")))
    assert read.trusted_hosts == {"g.example"}
    file = str(write(tmp_path / "own.toml", "no-index = true\n"))
    assert addresses(home | {"UV_CONFIG_FILE": file}, inside) == []


def test_a_projects_table_counts_and_a_broken_project_does_not(home: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.uv]\nindex = [{ url = "https://a.example/", default = true }]\n')
    write(tmp_path / "inside/pyproject.toml", "[tool.other]\n")
    assert addresses(home, tmp_path / "inside") == ["https://a.example/"]
    write(tmp_path / "pyproject.toml", "[tool.uv\n")
    assert addresses(home, tmp_path / "inside") == [PYPI]


def test_the_default_of_either_takes_the_place_of_pypi(home: dict[str, str], tmp_path: Path) -> None:
    given = home | {"PIP_EXTRA_INDEX_URL": "https://a.example/ file:///b", "UV_DEFAULT_INDEX": "https://c.example/"}
    assert addresses(given, tmp_path) == ["/b", "https://c.example/", "https://a.example/"]
    assert addresses(home | {"PIP_EXTRA_INDEX_URL": "https://a.example/"}, tmp_path) == [PYPI, "https://a.example/"]


@pytest.mark.parametrize(("name", "text"), [("pip/pip.conf", "no section\n"), ("uv/uv.toml", "index = [\n")])
def test_settings_that_cannot_be_read_are_named(home: dict[str, str], tmp_path: Path, name: str, text: str) -> None:
    path = write(tmp_path / "home/.config" / name, text)
    with pytest.raises(DownloadFailed) as refused:
        read_index_settings(home, tmp_path)
    assert refused.value.fields == {"reason": "settings", "file": str(path)}


def test_credentials_come_from_the_address_or_from_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / ".netrc", "machine a.example login me password s3cret\n").chmod(0o600)
    (place,) = one_index("https://a.example/simple/").indexes
    assert place.authorization == "Basic bWU6czNjcmV0"
    (place,) = one_index("https://you:p%40ss@a.example/simple/").indexes
    assert (place.url, place.authorization) == ("https://a.example/simple/", "Basic eW91OnBAc3M=")
    assert "authorization" not in repr(place)
