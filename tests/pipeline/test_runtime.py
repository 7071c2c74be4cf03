"""The runtime promises: one engine at a time, the references used last kept, Vivid painted where it can be."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from mien_core.errors import InvalidImage, InvalidOptions, MarkingFailed, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline import loaded_components, prepared_references, runtime
from mien_pipeline.choice import try_engines
from mien_pipeline.engines.registry import ALWAYS, parse_options
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces import detectors
from mien_pipeline.faces.detectors import Kind, OpenDetector
from mien_pipeline.faces.scrfd import Scrfd
from mien_pipeline.image import Affine, Image, Mask
from mien_pipeline.media.decode import decode
from mien_pipeline.options import RestoreOptions, SwapOptions
from mien_pipeline.prepared_references import KEPT_REFERENCES
from mien_pipeline.report import Edit, ModelUse, describe
from mien_pipeline.restorers.registry import RESTORERS
from mien_pipeline.runtime import Runtime, create_runtime
from mien_pipeline.swap import Components
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.credentials import sign
from mien_pipeline.trust.marking import media_type_of
from mien_testing.painted import (
    BLUE,
    LEFT,
    MIDDLE,
    RED,
    RIGHT,
    Detector,
    Embedder,
    FakeCheck,
    Marker,
    Painter,
    colours,
    picture,
)
from mien_testing.stand_in import returning


class Entry:
    """An engine of the registry that paints; it counts how often it is loaded and prepares a reference."""

    missing_libraries = ()
    models: tuple[str, ...] = ()
    instead: Mapping[str, tuple[str, ...]] = {}
    points = "mesh"

    def __init__(self, name: str) -> None:
        self.name = name
        self.loaded = 0
        self.prepared: list[bytes] = []

    def load(self, weights: object) -> Any:
        self.loaded += 1
        engine = Painter()
        engine.name = self.name
        prepare = engine.prepare

        def counted(portraits: Any) -> Any:
            self.prepared.append(portraits[0].image.pixels.tobytes())
            return prepare(portraits)

        engine.prepare = counted  # type: ignore[method-assign]
        return engine


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Entry]:
    found = {name: Entry(name) for name in ("mesh", "inswapper", "flux")}
    monkeypatch.setattr(runtime, "ENGINES", found)
    monkeypatch.setattr(runtime, "missing_models", returning(()))
    return found


@pytest.fixture
def under_test(engines: dict[str, Entry], models: ModelStore, tmp_path: Path) -> Runtime:
    assert engines
    made = create_runtime(models.root, tmp_path, offline=True)
    parts = Components(Detector(), Embedder(), FakeCheck(), Marker())
    vars(made.loaded).update(usual=parts, embedder=Embedder(), detector=Detector(), check=FakeCheck())
    return made


def shade(level: int) -> bytes:
    return picture(MIDDLE, colour=(level, 0, 0))


MESH = parse_options({"engine": "mesh"})


def test_a_reference_that_is_used_again_and_again_is_prepared_once(
    under_test: Runtime, engines: dict[str, Entry]
) -> None:
    favourite = shade(200)
    for level in range(KEPT_REFERENCES + 3):
        under_test.swap(picture(MIDDLE), [favourite], MESH)
        under_test.swap(picture(MIDDLE), [shade(level)], MESH)
    assert len(engines["mesh"].prepared) == KEPT_REFERENCES + 4


def test_the_engine_that_is_asked_for_swaps_and_stays(under_test: Runtime, engines: dict[str, Entry]) -> None:
    done = [under_test.swap(picture(MIDDLE), [picture(MIDDLE, colour=RED)], MESH) for _ in range(2)]
    assert [colours(each.data)[1] for each in done] == [RED, RED]
    assert under_test.engine_name == "mesh"
    assert engines["mesh"].loaded == 1


def test_another_detector_sees_a_reference_anew_and_the_report_names_it(
    under_test: Runtime, engines: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_one(kind: Kind, *_: object) -> OpenDetector:
        opened.append(kind)
        return OpenDetector(Detector(), kind, (cast("Scrfd", Scripted()), ModelUse("scrfd/det_10g.onnx", "1" * 64)))

    monkeypatch.setattr(loaded_components, "open_detector", open_one)
    monkeypatch.setattr(detectors, "find_scrfd", returning(("scrfd/det_10g.onnx", Path())))
    asked = [MESH.model_copy(update={"detector": choice}) for choice in ("auto", "scrfd", "scrfd", "yunet")]
    done = [under_test.swap(picture(MIDDLE), [shade(200)], options) for options in asked]
    assert [each.detector.faces for each in done] == ["yunet", "scrfd", "scrfd", "yunet"]
    assert describe(done[1])["detector"] == {"faces": "scrfd", "points": "scrfd"}
    assert [each.ran_on for each in done[1].models if each.name.startswith("scrfd")] == ["a card"]
    assert "processor-instead" in done[1].warnings
    assert done[0].warnings == done[3].warnings == ()
    assert opened == ["scrfd"]
    assert len(engines["mesh"].prepared) == 2


class Judge(Embedder):
    """ArcFace as the runtime knows it: the painted faces have no five points for the real one."""

    recogniser = "arcface-w600k_r50"

    class network:  # noqa: N801
        provider = "a card"

    def __init__(self, _weights: Path) -> None:
        super().__init__()

    def similarity(self, one: Any, other: Any) -> float:
        return super().similarity(one, other) / 2


def test_arcface_measures_where_it_is_asked_for_and_the_report_names_it(
    under_test: Runtime, engines: dict[str, Entry], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """People are told apart by dlib's recogniser in any case; there is no verdict, for its limits are dlib's."""
    file = tmp_path / "w600k_r50.onnx"
    file.write_bytes(b"weights")
    monkeypatch.setattr(loaded_components, "find_arcface", returning(("w600k/w600k_r50.onnx", file)))
    monkeypatch.setattr(loaded_components, "ArcFaceEmbedder", Judge)
    asked = [MESH.model_copy(update={"recogniser": choice}) for choice in ("dlib", "arcface", "arcface")]
    done = [under_test.swap(picture(MIDDLE), [shade(200)], options) for options in asked]
    faces = [each.faces[0] for each in done]
    assert [face.identity.recogniser for face in faces if face.identity][1:] == ["arcface-w600k_r50"] * 2
    assert [face.verdict is None for face in faces] == [False, True, True]
    assert faces[0].identity != faces[1].identity == faces[2].identity
    used = [each for each in done[1].models if each.name == "w600k/w600k_r50.onnx"]
    assert [(each.ran_on, each.sha256) for each in used] == [("a card", hashlib.sha256(b"weights").hexdigest())]
    assert not any(each.name.startswith("w600k") for each in done[0].models)
    assert len(engines["mesh"].prepared) == 2, "a reference is measured anew by another recogniser, once"


class HalfMask:
    """A mask network to which the lower half of every picture is no face."""

    file = SimpleNamespace(use=ModelUse("half/half.onnx", "2" * 64), network=SimpleNamespace(failed=None))

    def read(self, image: Image, face: Face) -> tuple[Mask, Affine]:
        own = np.ones(image.pixels.shape[:2], np.float32)
        own[len(own) // 2 :] = 0
        return own, np.eye(2, 3, dtype=np.float32)


def test_masks_hold_back_the_engine_are_loaded_once_and_named_in_the_report(
    under_test: Runtime, engines: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, ...]] = []

    def open_them(_: object, names: tuple[str, ...]) -> list[HalfMask]:
        opened.append(names)
        return [HalfMask()] if names else []

    monkeypatch.setattr(prepared_references, "open_readers", open_them)
    monkeypatch.setattr(runtime, "require_masks", returning(None))
    asked = [MESH.model_copy(update={"masks": names}) for names in (("half",), ("half",), ())]
    target = picture(MIDDLE)
    done = [under_test.swap(target, [picture(MIDDLE, colour=RED)], options) for options in asked]
    halves = [decode(each.data).pixels[[MIDDLE[1] + 2, MIDDLE[3] - 2], MIDDLE[0] + 5].tolist() for each in done]
    assert halves == [[list(RED), list(BLUE)]] * 2 + [[list(RED)] * 2]
    assert opened == [("half",), ()]
    assert [[use.name for use in each.models].count("half/half.onnx") for each in done] == [1, 1, 0]
    assert len(engines["mesh"].prepared) == 1, "a reference is prepared once, with masks and without"


def test_a_mask_that_there_is_none_of_is_refused_before_an_engine_is_loaded(
    under_test: Runtime, engines: dict[str, Entry]
) -> None:
    with pytest.raises(InvalidOptions) as refused:
        under_test.swap(picture(MIDDLE), [shade(200)], MESH.model_copy(update={"masks": ("smoke",)}))
    assert refused.value.fields["field"] == "masks"
    assert engines["mesh"].loaded == 0


def test_a_clip_is_measured_by_dlib_alone(under_test: Runtime) -> None:
    with pytest.raises(InvalidOptions) as refused:
        under_test.swap_clip(cast("Any", None), [], MESH.model_copy(update={"recogniser": "arcface"}))
    assert refused.value.fields["field"] == "recogniser"


class Scripted:
    """SCRFD as the report reads it: a card ran it after another had failed."""

    class network:  # noqa: N801
        provider, failed = "a card", "another"


def test_an_engine_that_was_trained_with_arcfaces_points_gets_them(
    under_test: Runtime, engines: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For `mesh` beside it, faces and points stay as they are."""
    engines["flux"].points = "arcface"
    monkeypatch.setattr(loaded_components, "open_detector", lambda kind, *_: OpenDetector(Detector(), kind))  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(detectors, "find_scrfd", returning(("scrfd/det_10g.onnx", Path())))
    found = {name: under_test._components_for(parse_options({"engine": name})).detection for name in engines}  # pyright: ignore[reportPrivateUsage]
    assert {name: each.kind if each else None for name, each in found.items()} == {
        "mesh": None, "inswapper": None, "flux": "yunet+scrfd"
    }  # fmt: skip


def test_several_pictures_of_a_person_are_one_reference_that_is_kept(
    under_test: Runtime, engines: dict[str, Entry]
) -> None:
    person = [picture(MIDDLE, colour=RED), picture(LEFT, colour=RED)]
    done = [under_test.swap(picture(MIDDLE), [person], MESH) for _ in range(2)]
    assert [each.left_out for each in done] == [(), ()]
    assert len(engines["mesh"].prepared) == 1
    under_test.swap(picture(MIDDLE), person[:1], MESH)
    assert len(engines["mesh"].prepared) == 2, "one picture of them is another reference"


def test_the_face_that_is_like_a_picture_is_found_by_the_pictures_digest(under_test: Runtime) -> None:
    seen = picture(MIDDLE, colour=BLUE)
    options = parse_options({"engine": "mesh", "faces": {"like": f"sha256:{hashlib.sha256(seen).hexdigest()}"}})
    done = under_test.swap(picture(LEFT, RIGHT), [picture(MIDDLE, colour=RED)], options, likes=[picture(), seen])
    assert [face.swapped for face in done.faces] == [True, False]
    with pytest.raises(InvalidOptions) as refused:
        under_test.swap(picture(LEFT, RIGHT), [picture(MIDDLE, colour=RED)], options)
    assert refused.value.fields == {"field": "faces"}


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_damaged_target_is_refused_before_an_engine_is_loaded_or_a_reference_prepared(
    under_test: Runtime, engines: dict[str, Entry], kept: float
) -> None:
    target = picture(MIDDLE)
    with pytest.raises(InvalidImage):
        under_test.swap(target[: int(len(target) * kept)], [picture(MIDDLE, colour=RED)], MESH)
    assert (engines["mesh"].loaded, engines["mesh"].prepared) == (0, [])


def test_another_engine_takes_the_place_of_the_first_and_prepares_for_itself(
    under_test: Runtime, engines: dict[str, Entry]
) -> None:
    reference = picture(MIDDLE, colour=RED)
    for name in ("mesh", "inswapper", "mesh"):
        under_test.swap(picture(MIDDLE), [reference], parse_options({"engine": name}))
        assert under_test.engine_name == name
    assert (engines["mesh"].loaded, engines["inswapper"].loaded) == (2, 1)
    assert len(engines["mesh"].prepared) == 2


def test_unloading_forgets_the_engine_and_the_references(under_test: Runtime, engines: dict[str, Entry]) -> None:
    under_test.swap(picture(MIDDLE), [shade(9)], MESH)
    under_test.unload()
    assert under_test.engine_name is None
    under_test.swap(picture(MIDDLE), [shade(9)], MESH)
    assert len(engines["mesh"].prepared) == 2


class Vivid:
    """The restorer's entry: keeps which painter it was given, and leaves faces as they are."""

    name = "vivid"
    painting = RESTORERS["vivid"].painting

    def __init__(self) -> None:
        self.painters: list[str | None] = []

    def load(self, embedder: object, painter: Any, painting: SwapOptions) -> "Vivid":
        self.painters.append(painter and painter.name)
        assert painting.engine == "flux"
        return self

    def restore(self, image: Any, face: Any, amount: float, on_step: Callable[[int, int], None]) -> Any:
        patch = Painter().prepare([Portrait(image, face)]).render(image, face, MESH, on_step)
        patch.mask[:] = 0
        return patch


@pytest.fixture
def vivid(monkeypatch: pytest.MonkeyPatch) -> Vivid:
    made = Vivid()
    monkeypatch.setattr(runtime, "VIVID", made)
    return made


def test_a_restoration_is_painted_where_the_painter_is_ready_and_an_accelerator_is(
    under_test: Runtime, vivid: Vivid, monkeypatch: pytest.MonkeyPatch
) -> None:
    for device in ("cpu", "cuda"):
        monkeypatch.setattr(runtime, "device_name", lambda device=device: device)
        done = under_test.restore(picture(MIDDLE), RestoreOptions(amount=1.0))
        assert colours(done.data)[1] == BLUE
    assert vivid.painters == [None, "flux"]


def test_a_restoration_does_without_a_painter_that_does_not_fit(
    under_test: Runtime, engines: dict[str, Entry], vivid: Vivid, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(weights: object) -> Any:
        raise NotEnoughMemory("too small")

    monkeypatch.setattr(runtime, "device_name", lambda: "cuda")
    monkeypatch.setattr(engines["flux"], "load", refuse)
    under_test.restore(picture(MIDDLE), RestoreOptions())
    assert vivid.painters == [None]


def test_a_swap_is_restored_by_its_own_engine_where_that_can_paint(under_test: Runtime, vivid: Vivid) -> None:
    for engine in ("mesh", "flux"):
        options = parse_options({"engine": engine, "restore": 0.5})
        under_test.swap(picture(MIDDLE), [picture(MIDDLE, colour=RED)], options)
    under_test.swap(picture(MIDDLE), [picture(MIDDLE, colour=RED)], MESH)
    assert vivid.painters == [None, "flux"]


def test_faces_are_found_for_choosing_among_them(under_test: Runtime) -> None:
    assert [tuple(face.bbox) for face in under_test.find_faces(picture(MIDDLE))] == [MIDDLE]


def test_the_real_networks_are_loaded_from_the_store_and_named_in_the_report(
    models: ModelStore, portrait: bytes, tmp_path: Path
) -> None:
    made = create_runtime(models.root, tmp_path, offline=True)
    assert len(made.find_faces(portrait)) == 1
    done = made.swap(portrait, [portrait], MESH)
    assert done.provenance.c2pa
    named = [model.name for model in done.models]
    assert [name for name in named if name in ALWAYS] == list(ALWAYS)
    assert "iris" in str(named)
    assert done.faces[0].identity is not None
    assert done.faces[0].identity.to_reference > 0.9, "the same person"
    # What another machine made is taken with its marks, and not without one of them.
    made.check_made(done.data, done.provenance.watermark)
    changed = done.data.replace(b"compositeWithTrainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicmedia")
    for unmarked in (portrait, changed):
        with pytest.raises(MarkingFailed, match="credentials"):
            made.check_made(unmarked, "none")
    kind = media_type_of(portrait)
    signed = sign(portrait, kind, portrait, kind, Edit("swap", "mesh", MESH), Authority(tmp_path).signatory())
    for claimed in ("none", "strong"):
        with pytest.raises(MarkingFailed, match="watermark"):
            made.check_made(signed, claimed)
    # What holds no watermark may say so.
    even = picture()
    signed = sign(even, "image/png", even, "image/png", Edit("swap", "mesh", MESH), Authority(tmp_path).signatory())
    made.check_made(signed, "none")
    with pytest.raises(MarkingFailed, match="watermark"):
        made.check_made(signed, "strong")


def test_a_runtime_is_warmed_with_what_is_installed_and_does_not_mind_what_is_not(
    models: ModelStore, tmp_path: Path
) -> None:
    create_runtime(models.root, tmp_path, offline=True).warm()
    create_runtime(tmp_path / "empty", tmp_path, offline=True).warm()


def test_an_engine_that_is_left_open_is_picked_and_the_report_says_so(
    under_test: Runtime, engines: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the mesh is ready, so nobody looks for faces first; a further engine that is asked for is tried."""
    monkeypatch.setattr(try_engines, "list_ready", returning([engines["mesh"]]))
    made = under_test.swap(picture(MIDDLE), [shade(200)], parse_options({"engine": "auto"}))
    told = describe(made)["choice"]
    assert isinstance(told, dict)
    assert (told["engine"], told["why"]) == ("mesh", "only-ready")
    named = under_test.swap(picture(MIDDLE), [shade(200)], parse_options({"engine": "inswapper", "fallback": True}))
    assert named.choice is not None
    assert named.choice.tried[0].engine == "inswapper"
    assert under_test.swap(picture(MIDDLE), [shade(200)], MESH).choice is None


def test_references_of_an_open_choice_are_prepared_when_it_is_made(
    under_test: Runtime, engines: dict[str, Entry]
) -> None:
    under_test.prepare_references([shade(200)], parse_options({"engine": "auto"}))
    assert [entry.loaded for entry in engines.values()] == [0, 0, 0]
