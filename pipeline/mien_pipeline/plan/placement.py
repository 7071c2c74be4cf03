"""Where every network lives, and what the peak of that is. No torch here.

Weights are summed from names and shapes. Activations are estimated from the networks' layout and were not measured on
an accelerator; `RESERVE_BYTES` is for the driver and the display.
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal

from mien_pipeline.plan.component import PHASES, Component, NumberFormat, Phase

GIB = 1 << 30

# A card with memory of its own, a machine whose processor and graphics share one, and no accelerator at all.
DeviceKind = Literal["discrete", "unified", "cpu"]
Residency = Literal["resident", "streamed", "on-demand"]

RESERVE_BYTES = GIB * 3 // 4
# Of the installed main memory: for firmware and kernel, the system, and this process, which has 0.5 GiB with torch and
# the starter networks (measured on Linux).
HOST_RESERVE_BYTES = GIB * 3
# What macOS lets one process wire for the GPU: two thirds of a small machine's memory, three quarters of a large one's.
UNIFIED_SHARE = 0.7
DEFAULT_SIDE = 1024
# Widths of the hidden state alive at once in a single block: the state, its norm, query, key and value (3), two of
# them in float32 for the rotation (4), attention, the MLP (4), both concatenated (5), the sum: 1+1+3+4+1+4+5+1.
HIDDEN_UNITS = 20
# Of a text encoder's prompt.
TEXT_TOKENS = 512
# A control net's own residuals are alive until the last block has taken its own: InfuseNet makes 4 + 10.
CONTROL_UNITS = 14
# Full-size feature maps of the VAE's last stage alive at once, and their channels.
VAE_MAPS = 4
VAE_CHANNELS = 256
VAE_TILE = 512


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one component lives, and as what."""

    component: Component
    form: NumberFormat
    residency: Residency

    @property
    def accelerator_bytes(self) -> int:
        """Bytes on the accelerator while the network works."""
        return (self.component.window_as if self.residency == "streamed" else self.component.bytes_as)(self.form)

    @property
    def unpacked_bytes(self) -> int:
        """Bytes on the accelerator of the one matrix that is unpacked while it computes."""
        return self.component.unpacked_as(self.form)

    @property
    def waiting_bytes(self) -> int:
        """Bytes on the accelerator while other networks work."""
        return self.accelerator_bytes if self.residency == "resident" else 0

    @property
    def host_bytes(self) -> int:
        """Bytes in main memory, or on the disk of a machine with one memory for both."""
        return self.component.bytes_as(self.form) if self.residency != "resident" else 0


@dataclass(frozen=True, slots=True)
class Workload:
    """What a transformer reads in one pass, and how an engine lets its networks take turns.

    Attributes:
        pictures: how often the working picture is among the tokens: as noise, and as context.
        context_tokens: of the text, and of every other picture.
        hidden_units: widths of the hidden state alive at once in a block.
        text_alone: the engine gives up what is resident before a text encoder works.
    """

    pictures: int = 1
    context_tokens: int = TEXT_TOKENS
    hidden_units: int = HIDDEN_UNITS
    text_alone: bool = False

    def tokens(self, side: int) -> int:
        """How many tokens a square working picture of `side` pixels makes of all that is read."""
        return self.pictures * (side // 16) ** 2 + self.context_tokens


ONE_PICTURE = Workload()


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every network lives, and the peak of that.

    Attributes:
        device: what computes.
        total_bytes: of its memory; `usable_bytes` of it may be planned with.
        side: of the square working picture, in pixels.
        width: of the transformer, for the activations.
        tiled: the VAE works in tiles.
        host_total_bytes: of a card's machine's main memory; None where it is not known, and then it is not checked.
        pinned: streamed networks have a pinned copy in main memory; else a block is pinned while it is copied.
        workload: what is read in one pass.
    """

    device: DeviceKind
    total_bytes: int
    side: int
    width: int
    placements: tuple[Placement, ...]
    tiled: bool = False
    host_total_bytes: int | None = None
    pinned: bool = True
    workload: Workload = ONE_PICTURE

    @property
    def usable_bytes(self) -> int:
        """Bytes of the device's memory that may be planned with."""
        return usable_memory(self.device, self.total_bytes)

    def of(self, name: str) -> Placement:
        """Where the network of this name lives."""
        return next(placement for placement in self.placements if placement.component.name == name)

    def phase_bytes(self, phase: Phase) -> int:
        """Bytes on the accelerator while `phase` runs."""
        alone = phase == "text" and self.workload.text_alone
        waiting = 0 if alone else sum(each.waiting_bytes for each in self.placements)
        working = [
            each.accelerator_bytes - each.waiting_bytes for each in self.placements if each.component.phase == phase
        ]
        # While sampling everything works at once; in the other phases one network after the other.
        unpacked = max((each.unpacked_bytes for each in self.placements if each.component.phase == phase), default=0)
        weights = waiting + (sum(working) if phase == "sampling" else max(working, default=0))
        return weights + unpacked + self.activations(phase)

    def activations(self, phase: Phase) -> int:
        """Bytes of activations while `phase` runs; estimated, see the module's docstring."""
        if not any(each.component.phase == phase for each in self.placements):
            return 0
        value = 4 if self.placements[0].form == "float32" else 2
        units = self.workload.hidden_units
        if phase == "sampling":
            control = sum(CONTROL_UNITS for each in self.placements if each.component.name == "control_net")
            return (units + control) * self.workload.tokens(self.side) * self.width * value
        if phase == "picture":
            side = min(self.side, VAE_TILE) if self.tiled else self.side
            return VAE_MAPS * VAE_CHANNELS * side * side * value
        return units * TEXT_TOKENS * self.width * value

    @property
    def peak_bytes(self) -> int:
        """Bytes on the accelerator in the busiest phase."""
        return max(self.phase_bytes(phase) for phase in PHASES)

    @property
    def host_bytes(self) -> int:
        """Bytes of everything that is not resident, in main memory or on the disk."""
        return sum(each.host_bytes for each in self.placements)

    def is_pinned(self, placement: Placement) -> bool:
        """True when a streamed network has a pinned copy. Text encoders work once a prompt, and have none."""
        return self.pinned and placement.residency == "streamed" and placement.component.phase != "text"

    @property
    def host_peak_bytes(self) -> int:
        """Bytes in a card's machine's main memory at the busiest moment.

        Everything that waits there, and one network on its way: a resident one while it is read, or a text encoder,
        which is read, works and is given up.
        """
        waiting, on_the_way = 0, 0
        for each in self.placements:
            if each.component.phase == "text" or each.residency == "resident":
                on_the_way = max(on_the_way, each.component.bytes_as(each.form))
            elif self.is_pinned(each):
                waiting += each.component.pinned_as(each.form)
            else:
                waiting += each.host_bytes
        return waiting + on_the_way

    @property
    def usable_host_bytes(self) -> int | None:
        """Bytes of main memory that may be planned with; None where they are not known or are the device's own."""
        if self.host_total_bytes is None or self.device != "discrete":
            return None
        return max(0, self.host_total_bytes - HOST_RESERVE_BYTES)

    @property
    def fits_host(self) -> bool:
        """True when main memory has room for what is not on the card."""
        usable = self.usable_host_bytes
        return usable is None or self.host_peak_bytes <= usable

    @property
    def fits(self) -> bool:
        """True when the peaks are within the usable memory of the device and of its machine."""
        return self.peak_bytes <= self.usable_bytes and self.fits_host

    def as_json(self) -> dict[str, object]:
        """What `mien plan --json` prints; sizes in bytes."""
        return {
            "device": self.device,
            "memory_bytes": self.total_bytes,
            "usable_bytes": self.usable_bytes,
            "side": self.side,
            "fits": self.fits,
            "peak_bytes": self.peak_bytes,
            "host_bytes": self.host_bytes,
            "host_peak_bytes": self.host_peak_bytes,
            "host_memory_bytes": self.host_total_bytes,
            "pinned": self.pinned,
            "streams_from": "disk" if self.device == "unified" else "main memory",
            "vae": "tiled" if self.tiled else "whole",
            "phases": {phase: self.phase_bytes(phase) for phase in PHASES},
            "components": [
                {
                    "name": each.component.name,
                    "part": each.component.part,
                    "phase": each.component.phase,
                    "dtype": each.form,
                    "where": each.residency,
                    "parameters": each.component.wide + each.component.narrow,
                    "accelerator_bytes": each.accelerator_bytes,
                    "host_bytes": each.host_bytes,
                }
                for each in self.placements
            ],
        }


def total_for(device: DeviceKind, usable_bytes: int) -> int:
    """Bytes of a device's memory of which a plan may use so many."""
    return ceil(usable_bytes / UNIFIED_SHARE) if device == "unified" else usable_bytes + RESERVE_BYTES


def usable_memory(device: DeviceKind, total_bytes: int) -> int:
    """Bytes of a device's memory that a plan may use."""
    return int(total_bytes * UNIFIED_SHARE) if device == "unified" else max(0, total_bytes - RESERVE_BYTES)
