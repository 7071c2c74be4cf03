"""The menu as a pure function of the status."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mien_core.languages import key_of
from mien_tray.status import DaemonState, JobSummary, ModelSummary, PairingSummary, Phase, Status
from mien_tray.strings import Words

SHOWN_JOBS = 10
STEP_PERCENT = 5  # a menu that changes while it is open closes in some desktops; the icon's title has every per cent


class Verb(StrEnum):
    """What a click can ask for."""

    OPEN = "open"
    CANCEL = "cancel"
    PAUSE = "pause"
    DOWNLOAD = "download"
    PAUSE_DOWNLOAD = "pause-download"
    PAIR = "pair"
    CLOSE_PAIRING = "close-pairing"
    APPROVE = "approve"
    REFUSE = "refuse"
    UNLOAD = "unload"
    RESTART_WORKER = "restart-worker"
    NOTIFY = "notify"
    LOGIN = "login"
    START = "start"
    QUIT = "quit"
    QUIT_ALL = "quit-all"


@dataclass(frozen=True, slots=True)
class Action:
    """A verb with what it is about: a job's id, a model's name, a view of the page.

    `on` is what a tick should become.
    """

    verb: Verb
    subject: str = ""
    on: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu. Without an action and without entries below it, it only tells."""

    label: str
    action: Action | None = None
    below: Sequence["MenuLine"] = ()
    ticked: bool | None = None
    default: bool = False

    @property
    def enabled(self) -> bool:
        return self.action is not None or bool(self.below)


class Separator:
    """A thin line between groups."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Separator)

    def __hash__(self) -> int:
        return hash(Separator)


MenuLine = Entry | Separator
SEPARATOR = Separator()


def build_menu(status: Status, words: Words) -> tuple[MenuLine, ...]:
    """Every line, top to bottom. What needs a running daemon is there only while it runs."""
    running = status.daemon.phase is Phase.RUNNING
    return (
        Entry(words("open"), Action(Verb.OPEN), default=True),
        SEPARATOR,
        *build_state_lines(status, words),
        *(build_daemon_lines(status, words) if running else ()),
        SEPARATOR,
        *build_login_lines(status, words),
        *((Entry(words("version", version=status.version)),) if running and status.version else ()),
        Entry(
            words("quit"),
            below=(
                Entry(words("quit_all"), Action(Verb.QUIT_ALL)),
                Entry(words("quit_tray"), Action(Verb.QUIT)),
            ),
        ),
    )


def build_title(status: Status, words: Words) -> str:
    """The icon's own words: what it shows, with every per cent."""
    if status.daemon.phase is Phase.RUNNING and status.running and not status.degraded:
        return f"Mien · {describe_job(status.running[0], words, step=1)}"
    if status.daemon.phase is Phase.RUNNING and status.downloading:
        return f"Mien · {describe_model(status.downloading[0], words, step=1)}"
    return f"Mien · {describe_state(status, words)}"


def describe_state(status: Status, words: Words) -> str:
    if status.daemon.phase is not Phase.RUNNING:
        return describe_daemon(status.daemon, words)
    if status.degraded:
        return words("state_degraded")
    if status.paused:
        return words("state_paused", queued=status.queued)
    if status.jobs:
        return words("state_busy", running=len(status.running), queued=status.queued)
    return words("state_idle")


def describe_daemon(daemon: DaemonState, words: Words) -> str:
    return words(f"state_{daemon.phase}", why=describe_reason(daemon, words), tries=daemon.tries)


def describe_reason(daemon: DaemonState, words: Words) -> str:
    """The reason in words: the tray's own, else the problem's; one that has neither keeps the daemon's."""
    if daemon.why is None:
        return ""
    for key in (key_of("why", daemon.why.code), key_of("problem", daemon.why.code)):
        if words.knows(key):
            return words(key, **daemon.why.fields)
    return str(daemon.why.fields.get("detail", daemon.why.code))


def build_state_lines(status: Status, words: Words) -> Iterator[MenuLine]:
    yield Entry(describe_state(status, words))
    if status.daemon.phase is Phase.STOPPED:
        yield Entry(words("start"), Action(Verb.START))
    if status.daemon.phase in {Phase.FAILED, Phase.WAITING, Phase.SILENT}:
        yield Entry(words("try_again"), Action(Verb.START))
    if status.degraded:
        yield Entry(words("worker_restart"), Action(Verb.RESTART_WORKER))
    if status.unseen_failures:
        yield Entry(words("failed_jobs", count=status.unseen_failures), Action(Verb.OPEN, "jobs"))
    if status.message:
        yield Entry(words("last_message", text=status.message))


def build_daemon_lines(status: Status, words: Words) -> Iterator[MenuLine]:
    yield SEPARATOR
    yield from build_pairing_lines(status.pairing, words)
    yield Entry(words("view_jobs"), below=tuple(build_job_lines(status, words)))
    yield Entry(words("view_results"), below=tuple(build_result_lines(status, words)))
    yield Entry(words("queue_pause"), Action(Verb.PAUSE, on=not status.paused), ticked=status.paused)
    yield build_models_entry(status.models, words)
    # A model in the middle of a job cannot be taken from it: cancel the job first.
    can_unload = status.loaded and not status.running
    yield Entry(words("unload"), Action(Verb.UNLOAD) if can_unload else None)
    yield SEPARATOR
    yield Entry(
        words("notifications"),
        below=tuple(
            Entry(words(f"notify_{name}"), Action(Verb.NOTIFY, name, not on), ticked=on)
            for name, on in status.notify.items()
        ),
    )


def build_pairing_lines(pairing: PairingSummary, words: Words) -> Iterator[MenuLine]:
    """Lines of the first level: a browser waits for its pairing no longer than two minutes."""
    if pairing.id is not None and pairing.digits is not None:
        digits = group_digits(pairing.digits)
        yield Entry(words("pair_digits", name=pairing.name, digits=digits))
        # Once more on the line that can be clicked: desktops draw the other one grey.
        yield Entry(words("pair_approve", digits=digits), Action(Verb.APPROVE, pairing.id))
        yield Entry(words("pair_refuse"), Action(Verb.REFUSE, pairing.id))
        yield SEPARATOR
    elif pairing.open:
        yield Entry(words("pair_waiting"))
        yield Entry(words("pair_close"), Action(Verb.CLOSE_PAIRING))
        yield SEPARATOR
    else:
        yield Entry(words("pair"), Action(Verb.PAIR))


def group_digits(digits: str) -> str:
    """Six digits as two groups, which is how people read them aloud."""
    return f"{digits[:3]} {digits[3:]}"


def build_job_lines(status: Status, words: Words) -> Iterator[MenuLine]:
    if not status.jobs:
        yield Entry(words("no_jobs"))
    for job in status.jobs[:SHOWN_JOBS]:
        yield Entry(describe_job(job, words), below=(Entry(words("cancel"), Action(Verb.CANCEL, job.id)),))
    hidden = len(status.running) + status.queued - SHOWN_JOBS
    if hidden > 0:
        yield Entry(words("more_jobs", count=hidden), Action(Verb.OPEN, "jobs"))


def build_result_lines(status: Status, words: Words) -> Iterator[MenuLine]:
    """The last few results; each opens the page on it."""
    if not status.results:
        yield Entry(words("no_results"))
    for result in status.results:
        name = result.label or words(f"kind_{result.kind}")
        label = words("result_line", name=name, time=result.finished_at)
        yield Entry(label, Action(Verb.OPEN, f"results/{result.id}"))
    if status.results:
        yield Entry(words("more_results"), Action(Verb.OPEN, "results"))


def describe_job(job: JobSummary, words: Words, step: int = STEP_PERCENT) -> str:
    kind = job.label or words(f"kind_{job.kind}")
    if not job.running:
        return words("job_queued", kind=kind)
    if job.frames:
        done, total = job.frames
        # A menu changes a few times only, the icon's title with every frame.
        told = done if step == 1 else round_down(done, max(1, total * step // 100))
        return words("job_frames", kind=kind, done=told, total=total)
    percent = round_down(round(100 * job.progress), step)
    if job.eta_s is None:
        return words("job_running", kind=kind, percent=percent)
    return words("job_running_eta", kind=kind, percent=percent, seconds=max(step, round_down(round(job.eta_s), step)))


def round_down(number: int, step: int) -> int:
    return number // step * step


def build_models_entry(models: Sequence[ModelSummary], words: Words) -> MenuLine:
    """What is on its way and what was begun; everything else has room on the page alone."""
    page = Action(Verb.OPEN, "models")
    begun = [model for model in models if model.state in {"downloading", "partial"}]
    if not begun:
        return Entry(words("models_page"), page)
    lines = [Entry(describe_model(model, words), below=(build_model_action(model, words),)) for model in begun]
    return Entry(words("view_models"), below=(*lines, SEPARATOR, Entry(words("models_page"), page)))


def describe_model(model: ModelSummary, words: Words, step: int = STEP_PERCENT) -> str:
    if model.state == "downloading":
        return words("model_downloading", name=model.title, percent=round_down(model.percent, step))
    return words("model_partial", name=model.title, size=describe_size(model.size_bytes))


def build_model_action(model: ModelSummary, words: Words) -> MenuLine:
    if model.state == "downloading":
        return Entry(words("download_pause"), Action(Verb.PAUSE_DOWNLOAD, model.name))
    if model.licence_to_read:
        # A licence is read where there is room for it; the page asks, and then downloads.
        return Entry(words("licence"), Action(Verb.OPEN, "models"))
    return Entry(words("download_resume"), Action(Verb.DOWNLOAD, model.name))


def describe_size(size_bytes: int) -> str:
    """Decimal units, as disks and download pages count."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1_000_000_000:.1f} GB"
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1_000_000:.0f} MB"
    return f"{max(1, round(size_bytes / 1_000))} kB"


def build_login_lines(status: Status, words: Words) -> Iterator[MenuLine]:
    if status.at_login is not None:
        yield Entry(words("login"), Action(Verb.LOGIN, on=not status.at_login), ticked=status.at_login)
