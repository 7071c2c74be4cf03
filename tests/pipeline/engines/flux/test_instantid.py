"""InstantID's tokens are their formula, its picture is its drawing, its control net runs when scheduled."""

from typing import Any

import numpy as np
import torch

from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.instantid import Resampler, keypoint_picture
from mien_pipeline.sampling import denoise
from mien_testing.flux import LATENTS, instantid, velocity
from mien_testing.formulas import TOLERANCE, draw_parameters, feed, norm, perceiver, values


def test_the_resampler_is_its_formula() -> None:
    network = draw_parameters(Resampler(16, 3, 2, 24, 4, 10, 12))
    embedding = values(1, 1, 10)
    latents, tokens = network.latents, embedding @ network.proj_in.weight.T + network.proj_in.bias
    for layer in network.layers:
        latents = perceiver(layer[0], tokens, latents) + latents
        latents = feed(layer[1], latents) + latents
    written = norm(latents @ network.proj_out.weight.T + network.proj_out.bias, network.norm_out)
    torch.testing.assert_close(network(embedding), written, **TOLERANCE)


def test_the_keypoint_picture_has_five_points_and_four_sticks() -> None:
    kps = np.array([[80, 90], [180, 92], [130, 140], [95, 190], [170, 188]], np.float32)
    picture = keypoint_picture(kps, 256, 240)
    assert picture.shape == (240, 256, 3)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]
    for (x, y), colour in zip(kps.astype(int), colours, strict=True):
        assert tuple(picture[y, x]) == colour
    for end in (0, 1, 3, 4):
        x, y = ((kps[end] + kps[2]) / 2).astype(int)
        assert tuple(picture[y, x]) == tuple(int(0.6 * channel) for channel in colours[end])
    assert (picture[:50] == 0).all()
    outside = keypoint_picture(kps + 500, 256, 240)
    assert (outside == 0).all()


def test_a_control_net_runs_only_at_the_steps_it_is_scheduled_for(transformer: Any, control_net: Any) -> None:
    ran: list[int] = []

    def note(*_: Any) -> None:
        ran.append(1)

    handle = control_net.x_embedder.register_forward_hook(note)
    try:
        with velocity(transformer, (instantid(control_net, WeightSchedule(0.7, end=0.5)),), true_cfg_scale=2.0) as one:
            denoise(one, LATENTS, [1.0, 0.75, 0.5, 0.25, 0.0])
    finally:
        handle.remove()
    assert len(ran) == 2, "two of four steps, and never on the unconditional branch"
