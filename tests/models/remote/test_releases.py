"""Whether there is a newer Mien is asked of the indexes that pip and uv name, noted, and never guessed."""

import json
from pathlib import Path

import pytest

from mien_core.errors import DownloadFailed
from mien_models.local.egress_log import EgressLog
from mien_models.remote.indexes import read_index_settings
from mien_models.remote.network import Network, RetryPolicy
from mien_models.remote.releases import find_newest
from mien_testing.network import Shop, status

QUICK = RetryPolicy(attempts=2, first_s=0.01, stall_s=5)
JSON = "application/vnd.pypi.simple.v1+json"


def network(url: str, links: Path | None = None) -> Network:
    environ = {"PIP_CONFIG_FILE": "/dev/null", "UV_NO_CONFIG": "1", "PIP_INDEX_URL": url}
    if links:
        environ["PIP_FIND_LINKS"] = str(links)
    return Network(QUICK, token=lambda: None, indexes=lambda: read_index_settings(environ, Path("/")))


def page(*names: str, yanked: str = "") -> bytes:
    files = [{"filename": name, "url": f"/files/{name}", "hashes": {}, "yanked": name == yanked} for name in names]
    return json.dumps({"meta": {"api-version": "1.1"}, "files": files}).encode()


def wheel(version: str) -> str:
    return f"mien-{version}-py3-none-any.whl"


def test_the_newest_release_counts_and_no_other_file(shop: Shop, tmp_path: Path) -> None:
    names = [
        wheel("0.9.0"),
        wheel("0.10.0"),
        wheel("0.11.0rc1"),
        wheel("0.12.0"),
        "mien-1.0.tar.gz",
        "x-9-py3-none-any.whl",
    ]
    shop.files["/simple/mien/"] = page(*names, yanked=wheel("0.12.0"))
    shop.headers["Content-Type"] = JSON
    log = EgressLog(tmp_path / "egress.log")
    assert find_newest(network(f"{shop.url}simple/"), log) == "0.10.0"
    assert [(line.host.partition(":")[0], line.model) for line in log.read()] == [("127.0.0.1", "mien")]


def test_an_index_that_does_not_know_mien_is_no_failure(shop: Shop, tmp_path: Path) -> None:
    assert find_newest(network(f"{shop.url}simple/"), EgressLog(tmp_path / "log")) is None


def test_a_folder_of_wheels_is_asked_without_a_connection(tmp_path: Path, shop: Shop) -> None:
    (tmp_path / wheel("3.0")).touch()
    assert find_newest(network(f"{shop.url}simple/", tmp_path), EgressLog(tmp_path / "log")) == "3.0"


def test_an_index_that_cannot_be_asked_is_named(shop: Shop, tmp_path: Path) -> None:
    shop.always = status(503)
    with pytest.raises(DownloadFailed):
        find_newest(network(f"{shop.url}simple/"), EgressLog(tmp_path / "log"))
