"""What a person states, and is told, before faces go to other machines."""

from argparse import Namespace
from pathlib import Path
from unittest.mock import Mock

import pytest

from mien_cli.batch import start
from mien_cli.batch.cluster.place import Cluster
from mien_cli.batch.cluster.statement import state_consents
from mien_core.errors import ConsentRequired, ModelNotInstalled
from mien_daemon.references.consent import ELSEWHERE, ELSEWHERE_VERSION, STATEMENT_VERSION, STATEMENTS
from mien_testing.daemon import config_for
from mien_testing.stand_in import returning

YOURS, OWN = Cluster("ray://render-1:10001"), Cluster("")


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that gets as far as its models, of which there are none."""
    monkeypatch.setattr(start, "load_config", returning(config_for(tmp_path / "state")))
    monkeypatch.setattr(start, "require_allowed", returning(None))
    monkeypatch.setattr(start, "open_store", Mock(side_effect=ModelNotInstalled("none is", models=[])))


@pytest.mark.usefixtures("begin")
@pytest.mark.parametrize(("cluster", "lines"), [(YOURS, 1), (OWN, 0)])
def test_a_run_on_other_machines_says_that_faces_and_pictures_are_sent_there(
    cluster: Cluster, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said before anything is opened."""
    with pytest.raises(ModelNotInstalled):
        start.start(Namespace(on=cluster, elsewhere=not cluster.is_own), Mock())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == lines
    assert ("pictures are sent to the cluster ray://render-1:10001" in said.err) is bool(lines)


@pytest.mark.usefixtures("begin")
def test_without_the_statement_for_other_machines_nothing_is_opened_and_its_words_are_said() -> None:
    with pytest.raises(ConsentRequired) as refused:
        start.start(Namespace(on=YOURS, elsewhere=False), Mock())
    assert refused.value.fields["field"] == "elsewhere"
    assert all(words in str(refused.value) for words in ELSEWHERE.values())


@pytest.mark.parametrize(("cluster", "version"), [(YOURS, ELSEWHERE_VERSION), (OWN, None)])
def test_the_record_has_the_version_of_both_statements_and_the_second_only_for_other_machines(
    cluster: Cluster, version: str | None
) -> None:
    [consent] = state_consents(Namespace(on=cluster, face=["me.png"], basis="self", adult=True))
    assert (consent["statement"], consent.get("elsewhere")) == (STATEMENT_VERSION, version)


def test_every_basis_has_words_for_other_machines() -> None:
    assert ELSEWHERE.keys() == STATEMENTS.keys()
