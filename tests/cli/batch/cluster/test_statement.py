"""What a person is told before faces go to other machines."""

from argparse import Namespace
from pathlib import Path
from unittest.mock import Mock

import pytest

from mien_cli.batch import start
from mien_cli.batch.cluster.place import Cluster
from mien_core.errors import ModelNotInstalled
from mien_testing.daemon import config_for
from mien_testing.stand_in import returning


@pytest.mark.parametrize(("address", "lines"), [("ray://render-1:10001", 1), ("", 0)])
def test_a_run_on_other_machines_says_that_faces_and_pictures_are_sent_there(
    address: str, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said before anything is opened: this run has no models."""
    monkeypatch.setattr(start, "load_config", returning(config_for(tmp_path / "state")))
    monkeypatch.setattr(start, "require_allowed", returning(None))
    monkeypatch.setattr(start, "open_store", Mock(side_effect=ModelNotInstalled("none is", models=[])))
    with pytest.raises(ModelNotInstalled):
        start.start(Namespace(on=Cluster(address)), Mock())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == lines
    assert ("pictures are sent to the cluster ray://render-1:10001" in said.err) is bool(lines)
