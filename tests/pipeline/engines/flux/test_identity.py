"""Several pictures of one person: each method gets of them what its authors would give it."""

from dataclasses import replace

import pytest
import torch

from mien_pipeline.engines.flux.engine import FluxEngine, FluxLikeness
from mien_pipeline.engines.flux.identity import MOST_PULID_PICTURES, FluxIdentity, average
from mien_pipeline.face import Portrait
from mien_pipeline.progress import ignore_step
from mien_testing.formulas import values
from mien_testing.pictures import face_at, picture
from mien_testing.tiny import QUICK, Picture


@pytest.fixture(scope="module")
def pictures() -> list[Portrait]:
    """Of one person, as far as random numbers are."""
    return [Portrait(picture(180, 200, seed=seed), face_at(50, 60, 80, 80)) for seed in range(1, 7)]


@pytest.fixture(scope="module")
def several(engine: FluxEngine, pictures: list[Portrait]) -> FluxIdentity:
    return FluxIdentity(engine.stack, pictures)


def test_an_average_has_the_mean_direction_and_the_mean_length() -> None:
    """A plain mean of vectors that differ is shorter than each of them, and no network was trained on such."""
    one, other = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 5.0]])
    torch.testing.assert_close(average([one, other]), torch.tensor([[4.0, 4.0]]) / 2**0.5)
    drawn = [20 * values(1, 512, seed=seed) for seed in range(3)]
    lengths = torch.stack([each.norm() for each in drawn])
    torch.testing.assert_close(average(drawn).norm(), lengths.mean())


def test_one_picture_is_taken_as_it_is() -> None:
    one = 20 * values(1, 512)
    assert average([one]) is one
    torch.testing.assert_close(average([one, one, one]), one)


def test_face_tokens_are_of_the_average_over_all_pictures(
    engine: FluxEngine, several: FluxIdentity, pictures: list[Portrait]
) -> None:
    seen = [engine.stack.arcface.embed(image, face.kps) for image, face in pictures]
    torch.testing.assert_close(several.embedding, average(seen))
    wanted = engine.stack.faceid.project(engine.stack.to_device(average(seen), "faceid"))
    torch.testing.assert_close(several.face_tokens.cond, wanted)


def test_what_infinite_you_reads_is_of_unit_length(
    engine: FluxEngine, several: FluxIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[torch.Tensor] = []
    run = engine.stack.run

    def note(name, network, work):  # type: ignore[no-untyped-def]
        if name == "resampler":
            handle = network.register_forward_pre_hook(lambda _module, inputs: given.append(inputs[0]))  # pyright: ignore[reportUnknownLambdaType]
            try:
                return run(name, network, work)
            finally:
                handle.remove()
        return run(name, network, work)

    monkeypatch.setattr(engine.stack, "run", note)
    assert FluxIdentity(engine.stack, several.portraits).control_tokens.shape[:2] == (1, 8)
    assert given[0].shape[:2] == (1, 1)
    assert float(given[0].float().norm()) == pytest.approx(1.0, abs=0.01)


def test_pulid_reads_as_many_pictures_as_its_own_application_takes(
    engine: FluxEngine, several: FluxIdentity, pictures: list[Portrait], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clearest, which come first; from the fifth on a picture changes no token."""
    looks: list[int] = []
    handle = engine.stack.eva.register_forward_hook(lambda *_: looks.append(1))  # pyright: ignore[reportUnknownLambdaType]
    try:
        four = FluxIdentity(engine.stack, pictures[:MOST_PULID_PICTURES]).id_tokens
        six = several.id_tokens
    finally:
        handle.remove()
    assert torch.equal(four.cond, six.cond)
    assert len(looks) == 2 * MOST_PULID_PICTURES
    one = FluxIdentity(engine.stack, pictures[:1]).id_tokens
    assert torch.equal(one.uncond, six.uncond)
    assert not torch.allclose(one.cond, six.cond)


def test_the_clearest_picture_gives_the_pixels_and_all_of_them_the_likeness(
    engine: FluxEngine, reference: Picture, target: Picture
) -> None:
    turned = Portrait(reference[0], replace(reference[1], yaw_deg=40.0))
    frontal = Portrait(picture(180, 200, seed=9), reference[1])
    both = engine.prepare([turned, frontal])
    assert both.identity.portraits[0] is frontal
    alone: FluxLikeness = engine.prepare([frontal])
    assert (both.identity.portrait == alone.identity.portrait).all()
    made = both.render(*target, QUICK, ignore_step)
    assert (made.mask == alone.render(*target, QUICK, ignore_step).mask).all()
    assert (made.crop != alone.render(*target, QUICK, ignore_step).crop).any()
