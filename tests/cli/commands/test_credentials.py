"""`mien credentials`: the certificate that signs results is shown and replaced."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_models.store import ModelStore
from mien_pipeline.media.decode import decode
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.marking import ResultMarker

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(here: Path, run_json: Run) -> Run:
    """A command with `--json`, on a state folder of its own: exit status and document."""
    return run_json


@pytest.fixture
def portrait(here: Path) -> str:
    return str(here / "astronaut.png")


def test_a_certificate_is_shown_and_rotated_and_its_pictures_stay_ones_own(
    run: Run, portrait: str, models: ModelStore, tmp_path: Path
) -> None:
    assert run("credentials", "show") == (0, {"certificate": None})
    marker = ResultMarker(models.path("watermark"), Authority(tmp_path / "state"))
    data = Path(portrait).read_bytes()
    picture = tmp_path / "picture.png"
    picture.write_bytes(marker.mark(decode(data), data, Edit("swap", "mesh", None, [ModelUse("a", "0" * 64)])).data)
    shown = run("credentials", "show")[1]["certificate"]
    assert run("verify", str(picture))[1]["credentials"]["signer"]["cert_serial_number"] == shown["serial"]
    assert shown["name"] == "CN=Mien local signer,O=Mien"
    status, rotated = run("credentials", "rotate")
    assert (status, rotated["before"]) == (0, shown)
    assert rotated["certificate"]["serial"] != shown["serial"]
    assert run("credentials", "show")[1]["certificate"] == rotated["certificate"]
    assert run("verify", str(picture))[1]["credentials"]["trusted"] is True
