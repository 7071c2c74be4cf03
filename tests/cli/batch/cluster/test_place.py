"""Where a run may be done: what is refused before Ray is even imported."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from mien_cli.batch.cluster import place
from mien_cli.batch.cluster.place import Cluster, parse_cluster, require_allowed
from mien_core.errors import ClusterRefused, Offline
from mien_testing.stand_in import returning

YOURS = Cluster("ray://render-1:10001")
WRONG = ("", "dask", "ray:", "ray://", "ray://host", "ray://host:0", "ray://a@b:1", "ray://h:99999")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is installed, as far as anyone looks here."""
    monkeypatch.setattr(place, "find_spec", returning("a module"))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The variables of a cluster with a token and TLS."""
    files = {name: str(tmp_path / name) for name in place.TLS_FILES}
    for path in files.values():
        Path(path).touch()
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "secret", "RAY_USE_TLS": "1", **files}


def test_ray_is_a_cluster_of_our_own_and_an_address_one_of_yours() -> None:
    assert parse_cluster("ray").is_own
    assert parse_cluster("ray://render-1:10001") == YOURS
    assert parse_cluster("ray://[::1]:10001").address == "ray://[::1]:10001"


@pytest.mark.parametrize("text", WRONG)
def test_other_words_name_no_cluster(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="neither ray nor"):
        parse_cluster(text)


def test_with_token_and_tls_a_cluster_is_let_be_joined(environ: dict[str, str]) -> None:
    require_allowed(YOURS, offline=False, environ=environ)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"RAY_AUTH_MODE": "disabled"}, "token"),
        ({"RAY_AUTH_TOKEN": ""}, "token"),
        ({"RAY_USE_TLS": "0"}, "tls"),
        ({"RAY_TLS_CA_CERT": "/nowhere/ca.crt"}, "tls"),
    ],
)
def test_without_one_of_them_it_is_refused(changed: dict[str, str], reason: str, environ: dict[str, str]) -> None:
    with pytest.raises(ClusterRefused) as refused:
        require_allowed(YOURS, offline=False, environ={**environ, **changed})
    assert refused.value.fields["reason"] == reason


def test_a_cluster_of_our_own_needs_neither() -> None:
    require_allowed(Cluster(), offline=False, environ={})


@pytest.mark.parametrize("cluster", [Cluster(), YOURS])
def test_offline_forbids_every_cluster(cluster: Cluster, environ: dict[str, str]) -> None:
    with pytest.raises(Offline):
        require_allowed(cluster, offline=True, environ=environ)


def test_without_ray_the_command_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "find_spec", returning(None))
    with pytest.raises(ClusterRefused) as refused:
        require_allowed(Cluster(), offline=False, environ={})
    assert refused.value.fields == {"reason": "ray-missing", "command": 'pip install "mien[ray]"'}
