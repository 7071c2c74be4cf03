"""The Debian package on a bare Debian without a network: it works at once, and leaves when it is told to.

Each of these failed for every packaged form once, while a shell script played the bundle in the tests.
"""

from mien_cli.commands.doctor import LIBRARIES
from mien_testing.shipped import USER, Story


def test_the_first_swap_works_where_there_is_no_network_and_no_pip(story: Story) -> None:
    assert story.demo["faces"][0]["swapped"] is True
    assert story.demo["faces"][0]["verdict"] == "clear"


def test_the_version_names_the_commit(story: Story) -> None:
    name, _version, commit = story.version.split()
    assert name == "mien"
    assert commit.strip("()")


def test_doctor_finds_every_library_and_every_starter_model(story: Story) -> None:
    assert set(story.doctor["libraries"]) == set(LIBRARIES)
    assert None not in story.doctor["libraries"].values()
    assert story.doctor["models"]["missing"] == []
    assert story.doctor["connections"] == []
    assert {tried["state"] for tried in story.doctor["cage"].values()} == {"on"}


def test_the_daemon_of_another_user_swaps_over_http(story: Story) -> None:
    assert story.over_http["swapped"] is True
    assert story.over_http["result"] > 10_000


def test_the_daemon_makes_previews(story: Story) -> None:
    assert (story.over_http["preview"], story.over_http["type"]) == (200, "image/jpeg")
    assert story.over_http["bytes"] > 1000


def test_the_tray_without_a_display_says_so_and_keeps_the_daemon(story: Story) -> None:
    assert story.tray.strip()
    assert "Traceback" not in story.tray


def test_dpkg_finds_every_file_as_it_was_packed(story: Story) -> None:
    assert story.verified == ""


def test_purge_ends_every_process_of_every_user(story: Story) -> None:
    assert story.running_before_purge >= 2
    assert story.processes == []


def test_purge_leaves_no_file_outside_the_homes(story: Story) -> None:
    assert story.files == set()


def test_purge_says_what_it_left_in_whose_home(story: Story) -> None:
    for place in (".local/state/mien", ".local/share/mien"):
        assert f"{USER}: /home/{USER}/{place}" in story.purged
        assert any(path.startswith(place) for path in story.users_files)


def test_the_daemon_was_stopped_cleanly(story: Story) -> None:
    """It removes its runtime file when it is asked to end, and not when it is killed."""
    assert ".local/state/mien/daemon.json" not in story.users_files
