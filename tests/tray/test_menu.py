"""The menu says what is, offers what can be done about it and nothing that cannot."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mien_core.languages import LANGUAGES
from mien_tray.menu import (
    SHOWN_JOBS,
    Action,
    Entry,
    MenuLine,
    Verb,
    build_menu,
    build_title,
    describe_job,
    describe_size,
)
from mien_tray.status import (
    NOTIFY,
    DaemonState,
    JobSummary,
    ModelSummary,
    PairingSummary,
    Phase,
    Reason,
    ResultSummary,
    Status,
)
from mien_tray.strings import Words

WORDS = Words()
RUNNING = Status(DaemonState(Phase.RUNNING), at_login=False)


def entries(lines: Sequence[MenuLine]) -> Iterator[Entry]:
    for line in lines:
        if isinstance(line, Entry):
            yield line
            yield from entries(line.below)


def find(status: Status, label: str) -> Entry:
    (found,) = [entry for entry in entries(build_menu(status, WORDS)) if entry.label == label]
    return found


def labels(status: Status) -> list[str]:
    return [entry.label for entry in entries(build_menu(status, WORDS))]


def verbs(status: Status) -> set[Verb]:
    return {entry.action.verb for entry in entries(build_menu(status, WORDS)) if entry.action}


def test_an_idle_menu_is_whole() -> None:
    assert labels(RUNNING) == [
        "Open Mien…",
        "Idle",
        "Pair a browser…",
        "Jobs",
        "No jobs",
        "Results",
        "No results",
        "Pause the queue",
        "All models…",
        "Give memory back now",
        "Notifications",
        "A job is done",
        "A job has failed",
        "A browser asks to be paired",
        "A model has been downloaded",
        "Start at login",
        "Quit",
        "Quit and stop Mien",
        "Quit, Mien goes on in the background",
    ]


def test_opening_the_page_is_what_a_click_on_the_icon_does() -> None:
    defaults = [entry for entry in entries(build_menu(RUNNING, WORDS)) if entry.default]
    assert [entry.action for entry in defaults] == [Action(Verb.OPEN)]


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.RUNNING])
def test_without_a_daemon_nothing_is_offered_that_needs_one(phase: Phase) -> None:
    offered = verbs(Status(DaemonState(phase, Reason("killed"), 2), at_login=True, paused=True))
    assert offered <= {Verb.OPEN, Verb.START, Verb.LOGIN, Verb.QUIT, Verb.QUIT_ALL}
    assert (Verb.START in offered) == (phase is not Phase.STARTING)


def test_the_reason_a_daemon_is_not_there_is_said() -> None:
    why = Reason("port-in-use", {"detail": "port 6436 cannot be had", "port": 6436})
    assert "Another program uses this port. Trying again." in labels(Status(DaemonState(Phase.WAITING, why, 1)))
    gave_up = "Another program uses this port. Gave up after 5 tries."
    assert gave_up in labels(Status(DaemonState(Phase.FAILED, why, 5)))


def test_a_reason_without_words_of_its_own_keeps_the_daemons() -> None:
    why = Reason("of-the-future", {"detail": "the disk has 3 MB left"})
    assert "the disk has 3 MB left Trying again." in labels(Status(DaemonState(Phase.WAITING, why, 1)))


def test_jobs_that_run_come_first_and_each_can_be_cancelled() -> None:
    jobs = (JobSummary("a", "swap", True, 0.43, 12.4), JobSummary("b", "restore", False))
    busy = replace(RUNNING, jobs=jobs, queued=1)
    assert find(busy, "Swap: 40%, 10 sec left").below == (Entry("Cancel", Action(Verb.CANCEL, "a")),)
    assert find(busy, "Restoration: waiting").below == (Entry("Cancel", Action(Verb.CANCEL, "b")),)
    assert find(busy, "Running: 1, waiting: 1").enabled is False
    assert build_title(busy, WORDS) == "Mien · Swap: 43%, 12 sec left"


def test_a_long_queue_is_cut_and_the_page_has_the_rest() -> None:
    jobs = [JobSummary(str(number), "swap", False) for number in range(SHOWN_JOBS + 5)]
    assert find(replace(RUNNING, jobs=jobs, queued=130), "120 more…").action == Action(Verb.OPEN, "jobs")


def test_a_clip_is_told_by_its_frames_in_the_title_each_and_in_the_menu_a_few() -> None:
    clip = JobSummary("a", "swap", True, 0.4, 12.0, (124, 300))
    assert describe_job(clip, WORDS, step=1) == "Swap: frame 124 of 300"
    assert describe_job(clip, WORDS) == "Swap: frame 120 of 300"
    named = JobSummary("a", "swap", True, 0.4, label="Eileen → holiday.jpg")
    assert describe_job(named, WORDS) == "Eileen → holiday.jpg: 40%"
    assert describe_job(JobSummary("a", "analyse", True, 0.4, None, (3, 8)), WORDS) == "Look at a clip: frame 3 of 8"


def test_the_menu_keeps_still_while_a_job_goes_on_by_a_per_cent() -> None:
    """A desktop may close an open menu that is replaced."""
    before, after = (
        build_menu(replace(RUNNING, jobs=[JobSummary("a", "swap", True, progress)]), WORDS) for progress in (0.40, 0.44)
    )
    assert before == after


def test_the_last_results_are_in_the_menu_and_the_version_at_its_end() -> None:
    results = (ResultSummary("a1", "swap", "17:05", "Eileen → holiday.jpg"), ResultSummary("b2", "restore", "17:01"))
    status = replace(RUNNING, results=results, version="0.2.0")
    shown = [entry for entry in entries(build_menu(status, WORDS)) if entry.action == Action(Verb.OPEN, "results/a1")]
    assert [entry.label for entry in shown] == ["Eileen → holiday.jpg, 17:05"]
    assert {"Restoration, 17:01", "All results…", "Mien 0.2.0"} <= set(labels(status))


def test_the_queue_is_paused_or_resumed_whichever_it_is_not() -> None:
    assert find(RUNNING, "Pause the queue").action == Action(Verb.PAUSE, on=True)
    paused = replace(RUNNING, paused=True, queued=3)
    assert find(paused, "Pause the queue") == Entry("Pause the queue", Action(Verb.PAUSE, on=False), ticked=True)
    assert "The queue is paused, waiting: 3" in labels(paused)


@pytest.mark.parametrize(
    ("loaded", "running", "can"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_model_is_unloaded_only_when_there_is_one_that_nobody_uses(loaded: bool, running: bool, can: bool) -> None:
    jobs = [JobSummary("a", "swap", True)] if running else []
    assert find(replace(RUNNING, loaded=loaded, jobs=jobs), "Give memory back now").enabled is can


def test_digits_are_shown_in_two_groups_with_both_answers() -> None:
    asked = replace(RUNNING, pairing=PairingSummary(True, "p1", "Firefox on Linux", "012345"))
    assert find(asked, "Firefox on Linux shows 012 345?").enabled is False
    assert find(asked, "Yes, 012 345: pair").action == Action(Verb.APPROVE, "p1")
    assert find(asked, "No, other digits: refuse").action == Action(Verb.REFUSE, "p1")
    assert Verb.PAIR not in verbs(asked)


def test_an_open_window_can_be_shut() -> None:
    assert find(replace(RUNNING, pairing=PairingSummary(True)), "Stop waiting").action == Action(Verb.CLOSE_PAIRING)


MODELS = {
    "begun": (ModelSummary("m", "M", "partial", 2_500_000), "M: 2 MB, begun", Verb.DOWNLOAD),
    "under way": (ModelSummary("m", "M", "downloading", 200, 90), "M: 45%", Verb.PAUSE_DOWNLOAD),
    "with a licence to read": (ModelSummary("m", "M", "partial", 1, licence_to_read=True), "M: 1 kB, begun", Verb.OPEN),
}


@pytest.mark.parametrize(("model", "label", "offered"), MODELS.values(), ids=MODELS)
def test_a_model_that_was_begun_offers_what_its_state_allows(model: ModelSummary, label: str, offered: Verb) -> None:
    """A licence is read on the page, which has room for it: nothing is fetched from here before that."""
    line = find(replace(RUNNING, models=[model]), label)
    (action,) = [entry.action for entry in entries(line.below) if entry.action]
    assert action.verb is offered
    assert action.subject == ("models" if offered is Verb.OPEN else "m")


def test_models_of_which_nothing_is_on_its_way_are_left_to_the_page() -> None:
    settled = [ModelSummary("m", "M", state, 10) for state in ("ready", "missing", "quarantined", "unverified")]
    idle = replace(RUNNING, models=settled)
    assert find(idle, "All models…").action == Action(Verb.OPEN, "models")
    assert labels(idle) == labels(RUNNING)


def test_every_notification_can_be_turned_off_and_on() -> None:
    chosen = dict.fromkeys(NOTIFY, True) | {"failed": False}
    status = replace(RUNNING, notify=chosen)
    offered = [
        entry for entry in entries(build_menu(status, WORDS)) if entry.action and entry.action.verb is Verb.NOTIFY
    ]
    assert {entry.action.subject: entry.ticked for entry in offered if entry.action} == chosen
    assert all(entry.action and entry.action.on is not entry.ticked for entry in offered)


def test_start_at_login_is_offered_only_where_it_can_be_set() -> None:
    assert find(RUNNING, "Start at login") == Entry("Start at login", Action(Verb.LOGIN, on=True), ticked=False)
    assert "Start at login" not in labels(replace(RUNNING, at_login=None))


def test_trouble_is_on_the_first_level() -> None:
    status = replace(RUNNING, degraded=True, unseen_failures=3, message="A job is done")
    first = [line.label for line in build_menu(status, WORDS) if isinstance(line, Entry)]
    assert first[1:5] == [
        "The worker died too often; jobs wait.",
        "Try the worker again",
        "Failed jobs: 3…",
        "Last message: A job is done",
    ]


@pytest.mark.parametrize(
    ("size_bytes", "label"),
    [(1, "1 kB"), (999_400, "999 kB"), (1_000_000, "1 MB"), (999_999_999, "1000 MB"), (23_800_000_000, "23.8 GB")],
)
def test_sizes_are_in_decimal_units(size_bytes: int, label: str) -> None:
    assert describe_size(size_bytes) == label


JOBS = some.builds(
    JobSummary,
    some.just("a"),
    some.sampled_from(["swap", "restore"]),
    some.booleans(),
    some.floats(0, 1),
    some.none() | some.floats(0, 1e6),
)
STATUSES = some.builds(
    Status,
    some.builds(
        DaemonState, some.sampled_from(Phase), some.none() | some.builds(Reason, some.sampled_from(["killed", "?"]))
    ),
    jobs=some.lists(JOBS, max_size=SHOWN_JOBS + 2),
    queued=some.integers(0, 200),
    paused=some.booleans(),
    loaded=some.booleans(),
    degraded=some.booleans(),
    pairing=some.builds(
        PairingSummary, some.booleans(), some.none() | some.just("p"), some.none(), some.just("123456")
    ),
    at_login=some.none() | some.booleans(),
    unseen_failures=some.integers(0, 5),
)


@settings(max_examples=50, deadline=None)
@given(STATUSES, some.sampled_from([Words(language) for language in LANGUAGES]))
def test_every_status_has_a_menu_in_every_language(status: Status, words: Words) -> None:
    """Whatever is going on, the page can be opened and the tray quit."""
    offered = {entry.action.verb for entry in entries(build_menu(status, words)) if entry.action}
    assert {Verb.OPEN, Verb.QUIT, Verb.QUIT_ALL} <= offered
    assert build_title(status, words).startswith("Mien · ")
