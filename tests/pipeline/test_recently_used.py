"""Values that are dear to make promise: the last few that were asked for are kept."""

from mien_pipeline.recently_used import RecentlyUsed


def test_the_value_that_was_not_used_for_longest_is_forgotten_first() -> None:
    """Not the one that came first: a person goes back and forth between a handful."""
    made: list[str] = []
    recent: RecentlyUsed[str, str] = RecentlyUsed(2)

    def ask(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return recent.get(key, make)

    assert [ask(key) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]
