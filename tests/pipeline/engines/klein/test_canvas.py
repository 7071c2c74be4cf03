"""A canvas never has more than 2^20 pixels, its sides are multiples of 16, and it lies inside the target."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.engines.diffusion.target import cut_for
from mien_pipeline.engines.klein.canvas import CONTEXT, canvas_for
from mien_testing.pictures import face_at


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(64, 6000), st.integers(64, 6000)),
    place=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    share=st.floats(0.02, 1.0),
    side=st.integers(16, 64).map(lambda sixteenths: 16 * sixteenths),
)
def test_any_face_of_any_target(size: tuple[int, int], place: tuple[float, float], share: float, side: int) -> None:
    face = face_at(place[0] * size[0], place[1] * size[1], share * size[0], share * size[1])
    cut = canvas_for(size, face, side)
    assert cut.outer[0] % 16 == 0
    assert cut.outer[1] % 16 == 0
    assert cut.outer[0] * cut.outer[1] <= 1 << 20
    assert cut.left >= 0
    assert cut.top >= 0
    assert cut.left + cut.width <= size[0]
    assert cut.top + cut.height <= size[1]


def test_padding_alone_would_go_beyond_it() -> None:
    """1019 × 1029 pixels are fewer, and 1024 × 1040 are more."""
    face = face_at(300, 300, 400, 404)
    assert any(
        cut.outer[0] * cut.outer[1] > 1 << 20
        for cut in (cut_for((1000, 1000 + extra), face, 1024, CONTEXT) for extra in range(60))
    )
