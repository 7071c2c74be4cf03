"""The device promises: it is named without torch, refused by name, and running out of memory has a name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mien_core.errors import EngineUnavailable, GpuOutOfMemory
from mien_pipeline.device import Machine, choose_device, compute_dtype, device_name, name_out_of_memory

pytestmark = pytest.mark.slow

GIB = 1 << 30


def torch_for(
    *,
    nvidia: tuple[int, int] | None = None,
    built_for: tuple[str, ...] = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
    amd: bool = False,
    macos: tuple[int, int] | None = None,
    intel: str = "",
) -> Any:
    """torch as it answers on a machine with that accelerator; `intel` is "card" or "processor"."""
    major, minor = nvidia or (9, 4)

    def properties(_index: int) -> Any:
        return graphics if intel else card

    def is_macos_or_newer(*wanted: int) -> bool:
        return macos is not None and macos >= wanted

    card = SimpleNamespace(name="a card", major=major, minor=minor, total_memory=24 * GIB)
    graphics = SimpleNamespace(
        name="Arc", total_memory=16 * GIB, is_integrated_gpu=intel == "processor", has_bfloat16_conversions=True
    )
    return SimpleNamespace(
        bfloat16=torch.bfloat16,
        float16=torch.float16,
        device=torch.device,
        version=SimpleNamespace(hip="7.1" if amd else None),
        cuda=SimpleNamespace(
            is_available=lambda: nvidia is not None or amd,
            get_device_properties=properties,
            get_arch_list=lambda: list(built_for),
        ),
        xpu=SimpleNamespace(is_available=lambda: bool(intel), get_device_properties=properties),
        backends=SimpleNamespace(
            mps=SimpleNamespace(is_available=lambda: macos is not None, is_macos_or_newer=is_macos_or_newer)
        ),
    )


def test_the_stand_in_has_the_names_of_the_installed_torch() -> None:
    """Properties of cards are classes of builds for them; every build describes them in its stubs."""

    def check(ours: Any, theirs: Any) -> None:
        for name, value in vars(ours).items():
            assert hasattr(theirs, name), name
            if isinstance(value, SimpleNamespace):
                check(value, getattr(theirs, name))

    made, intel = torch_for(nvidia=(8, 6)), torch_for(intel="card")
    check(made, torch)
    stubs = Path(torch.__file__).with_name("_C").joinpath("__init__.pyi").read_text(encoding="utf-8")
    for kind, properties in (("Cuda", made.cuda), ("Xpu", intel.xpu)):
        described = stubs.partition(f"class _{kind}DeviceProperties")[2].partition("\nclass ")[0]
        assert described
        for name in vars(properties.get_device_properties(0)):
            assert f"    {name}: " in described, name


@pytest.mark.parametrize(
    ("made", "device", "kind", "backend", "half"),
    [
        (torch_for(), "cpu", "cpu", "cpu", torch.bfloat16),
        (torch_for(nvidia=(7, 5)), "cuda", "discrete", "cuda", torch.float16),
        (torch_for(nvidia=(8, 0)), "cuda", "discrete", "cuda", torch.bfloat16),
        (torch_for(nvidia=(8, 9)), "cuda", "discrete", "cuda", torch.bfloat16),
        (torch_for(amd=True), "cuda", "discrete", "rocm", torch.bfloat16),
        (torch_for(macos=(15, 1)), "mps", "unified", "mps", torch.bfloat16),
        (torch_for(macos=(13, 6)), "mps", "unified", "mps", torch.float16),
        (torch_for(intel="card"), "xpu", "discrete", "xpu", torch.bfloat16),
        (torch_for(intel="processor"), "xpu", "unified", "xpu", torch.bfloat16),
    ],
)
def test_every_kind_of_accelerator_has_a_plan_and_its_dtype_of_16_bits(
    made: Any, device: str, kind: str, backend: str, half: torch.dtype
) -> None:
    found = choose_device({}, made)
    assert (found.torch.type, found.kind, found.backend, found.half) == (device, kind, backend, half)
    assert found.total_bytes > GIB
    assert compute_dtype("bfloat16", found.half) is half
    assert compute_dtype("float32", found.half) is torch.float32


def test_a_card_that_this_build_has_no_code_for_is_refused_by_name() -> None:
    """Its first kernel would fail with "no kernel image is available", in the middle of a swap."""
    with pytest.raises(EngineUnavailable, match=r"6\.1.*sm_75") as refused:
        choose_device({}, torch_for(nvidia=(6, 1)))
    assert refused.value.fields["device"] == "a card"
    assert choose_device({}, torch_for(nvidia=(13, 0), built_for=("sm_90", "compute_120"))).backend == "cuda"
    with pytest.raises(EngineUnavailable):
        choose_device({}, torch_for(nvidia=(10, 0), built_for=("sm_90",)))


def test_a_device_that_is_not_here_is_refused_by_name() -> None:
    for wanted, made in (("tpu", None), ("cuda", torch_for()), ("rocm", torch_for(nvidia=(8, 6)))):
        with pytest.raises(EngineUnavailable, match=wanted):
            choose_device({"MIEN_DEVICE": wanted}, made)
    assert choose_device({"MIEN_DEVICE": "cpu"}, torch_for(nvidia=(8, 6))).kind == "cpu"
    assert choose_device({"MIEN_DEVICE": "cuda"}, torch_for(amd=True)).backend == "rocm"
    assert device_name({"MIEN_DEVICE": "cpu"}) == "cpu"


def test_the_name_is_told_without_loading_torch() -> None:
    assert device_name({}) == choose_device({}).backend


def write_machine(root: Path, build: str, *files: str) -> Machine:
    """A machine with these files, and a torch whose `version.py` says it was built with that."""
    folder = root / "torch"
    folder.mkdir()
    made = {name: repr("12.8") if name == build else "None" for name in ("cuda", "hip", "rocm", "xpu")}
    lines = ["from typing import Optional", "__version__ = '2.13.0'", "debug = False"]
    (folder / "version.py").write_text(
        "\n".join([*lines, *(f"{name}: Optional[str] = {value}" for name, value in made.items())]), encoding="utf-8"
    )
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("0x8086\n", encoding="ascii")
    return Machine(root, "Linux", "x86_64", folder)


NVIDIA, WSL, AMD, INTEL = (
    "proc/driver/nvidia/version",
    "usr/lib/wsl/lib/libcuda.so.1",
    "dev/kfd",
    "sys/class/drm/renderD128/device/vendor",
)


@pytest.mark.parametrize(
    ("build", "files", "name"),
    [
        ("", (NVIDIA,), "cpu"),
        ("cuda", (), "cpu"),
        ("cuda", (NVIDIA,), "cuda"),
        ("cuda", (WSL,), "cuda"),
        ("cuda", (AMD,), "cpu"),
        ("hip", (AMD,), "rocm"),
        ("hip", (NVIDIA,), "cpu"),
        ("xpu", (INTEL,), "xpu"),
        ("xpu", (NVIDIA,), "cpu"),
    ],
)
def test_the_name_is_that_of_the_build_of_torch_where_its_driver_is(
    tmp_path: Path, build: str, files: tuple[str, ...], name: str
) -> None:
    """A build without an accelerator from the plain index is called 2.13.0, as is that with one."""
    assert device_name({}, write_machine(tmp_path, build, *files)) == name


def test_windows_and_macs_are_told_apart_by_their_libraries_and_processors(tmp_path: Path) -> None:
    made = write_machine(tmp_path, "cuda", "System32/nvcuda.dll")
    windows = Machine(tmp_path, "Windows", "AMD64", made.torch)
    assert device_name({"SYSTEMROOT": str(tmp_path)}, windows) == "cuda"
    assert device_name({"SYSTEMROOT": str(tmp_path / "other")}, windows) == "cpu"
    assert device_name({}, Machine(tmp_path, "Darwin", "arm64", made.torch)) == "mps"
    assert device_name({}, Machine(tmp_path, "Darwin", "x86_64", made.torch)) == "cpu"
    assert device_name({}, Machine(tmp_path, "Linux", "x86_64", None)) == "cpu"


def test_the_installed_torch_says_what_it_was_built_with(tmp_path: Path) -> None:
    """Its `version.py` is read, not run; with every driver here the answer is torch's own."""
    write_machine(tmp_path, "", NVIDIA, AMD, INTEL)
    installed = Machine(tmp_path, "Linux", "x86_64", Path(torch.__file__).parent)
    built = {"cuda": torch.version.cuda, "rocm": torch.version.hip, "xpu": torch.version.xpu}
    if torch.version.hip:
        built["cuda"] = None
    assert device_name({}, installed) == next((name for name, version in built.items() if version), "cpu")


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("tried to allocate 2.00 GiB. more words"), RuntimeError("MPS backend out of memory (MPS…")],
)
def test_an_accelerator_that_runs_out_is_named(error: RuntimeError) -> None:
    with pytest.raises(GpuOutOfMemory), name_out_of_memory():
        raise error


def test_another_fault_keeps_its_own_name() -> None:
    with pytest.raises(RuntimeError, match="shapes"), name_out_of_memory():
        raise RuntimeError("shapes do not match")
