"""A run's folders are its own, go with it, and what dead runs left is removed by the next run or daemon."""

from pathlib import Path

from mien_daemon.state.run_folder import open_run_folder, remove_dead_runs


def names(state: Path) -> set[str]:
    return {path.name for path in (state / "batch").iterdir()}


def test_what_a_run_keeps_goes_with_it(tmp_path: Path) -> None:
    with open_run_folder(tmp_path) as one, open_run_folder(tmp_path) as other:
        assert len({one.pictures, one.private, other.pictures, other.private}) == 4
        for folder in (one.pictures, one.private):
            assert folder.stat().st_mode & 0o777 == 0o700
            (folder / "face.jpg").write_bytes(b"a face")
        remove_dead_runs(tmp_path)  # as a daemon does that starts meanwhile
        assert (one.pictures / "face.jpg").exists()
        assert (one.private / "face.jpg").exists()
    assert not one.private.exists()
    assert names(tmp_path) <= {"starting.lock", "spool"}


def test_what_a_dead_run_left_is_removed(tmp_path: Path) -> None:
    with open_run_folder(tmp_path) as run:
        dead = [run.pictures.with_name("0" * 16), run.private.with_name(f"{'0' * 16}.private")]
    for folder in dead:
        folder.mkdir(parents=True)
        (folder / "face.jpg").write_bytes(b"a face")
    (tmp_path / "batch" / f"{'0' * 16}.lock").touch()
    remove_dead_runs(tmp_path)
    assert not any(folder.exists() for folder in dead)
    assert names(tmp_path) <= {"starting.lock", "spool"}


def test_without_runs_there_is_nothing_to_do(tmp_path: Path) -> None:
    remove_dead_runs(tmp_path)
    assert list(tmp_path.iterdir()) == []
