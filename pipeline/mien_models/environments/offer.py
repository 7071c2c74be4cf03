"""What installing the engines' environment takes on this machine, or what stands in its way; nothing is fetched."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from mien_core.errors import EngineUnavailable
from mien_models.environments.cards import Card, choose_device, find_card
from mien_models.environments.environment import EngineEnvironment
from mien_models.environments.own_packages import find_own_wheel

Obstacle = Literal["uv", "python", "not-locked", "no-wheel"]
OTHER: Obstacle = "not-locked"


@dataclass(frozen=True, slots=True)
class InstallOffer:
    """One environment for one machine.

    Attributes:
        device: what its torch is for.
        found: what that was chosen by, for a person.
        download_bytes: of wheels that are still to fetch.
        obstacle: why it cannot be made here, or None.
        why: the same as a sentence.
    """

    device: str
    found: str
    download_bytes: int = 0
    obstacle: Obstacle | None = None
    why: str = ""


def offer_install(environment: EngineEnvironment, card: Card | None = None) -> InstallOffer:
    """What `environment.install` would fetch for the accelerator that is found; `card` is looked for by default."""
    card = card or find_card()
    try:
        device = choose_device("auto", card)
        find_own_wheel()
        missing = environment.wheels.missing(environment.locked_wheels())
    except EngineUnavailable as error:
        named = error.fields.get("needs") or error.fields.get("reason")
        obstacle = cast("Obstacle", named) if named in get_args(Obstacle) else OTHER
        return InstallOffer(card.device, card.why, obstacle=obstacle, why=str(error))
    return InstallOffer(device, card.why, sum(wheel.size for wheel in missing))
