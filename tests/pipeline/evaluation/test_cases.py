"""Cases promise: each is run once, whatever stopped the run before, and on whichever machine."""

from pathlib import Path

from mien_pipeline.evaluation.cases import FILE, CaseFile, Person, plan_cases
from mien_pipeline.evaluation.claim import choose_claims
from mien_testing.evaluation import line

PEOPLE = [Person(name, name.encode()) for name in ("ann", "bob", "cid")]


def test_nobody_is_put_onto_themselves_and_a_claim_is_of_its_engines() -> None:
    cases = plan_cases(choose_claims(["guidance", "size"]), ["mesh", "flux"], "quick", PEOPLE, PEOPLE[:2])
    assert all(case.target.name != case.reference.name for case in cases)
    assert {case.reference.name for case in cases} == {"ann", "bob"}
    assert {(case.claim, case.engine) for case in cases} == {("guidance", "flux"), ("size", "mesh"), ("size", "flux")}


def test_a_key_is_of_the_case_its_pictures_and_its_setup() -> None:
    """Not of the order or the machine; another picture under the same name is another case."""
    (first, second), again = (plan_cases(choose_claims(["size"]), ["mesh"], "full", PEOPLE, PEOPLE)[:2] for _ in (0, 1))
    assert first.key("x") == again[0].key("x")
    other = plan_cases(choose_claims(["size"]), ["mesh"], "full", [Person("ann", b"new"), *PEOPLE[1:]], PEOPLE)[0]
    assert len({first.key("x"), second.key("x"), first.key("y"), other.key("x")}) == 4


def test_half_a_line_costs_its_case_alone(tmp_path: Path) -> None:
    """A run was killed while it wrote; the next one's lines stay whole."""
    file = CaseFile(tmp_path)
    file.append(line(key="one"))
    file.append(line(key="two"))
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-40])
    again = CaseFile(tmp_path)
    assert "one" in again
    assert "two" not in again
    again.append(line(key="three"))
    assert [each["key"] for each in CaseFile(tmp_path).lines] == ["one", "three"]


def test_files_of_two_machines_are_put_together_by_appending(tmp_path: Path) -> None:
    for machine in ("here", "there"):
        (tmp_path / machine).mkdir()
        file = CaseFile(tmp_path / machine)
        file.describe(machine, {"engine": "flux"})
        file.append(line(key="both", setup=machine))
        file.append(line(key=machine, setup=machine))
        file.describe(machine, {"engine": "said twice"})
    joined = (tmp_path / "here" / FILE).read_bytes() + (tmp_path / "there" / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(joined)
    together = CaseFile(tmp_path)
    assert [each["key"] for each in together.lines] == ["both", "here", "there"]
    assert together.lines[0]["setup"] == "there", "the last line of a key counts"
    assert {name: setup["engine"] for name, setup in together.setups.items()} == {"here": "flux", "there": "flux"}
