"""What the tray says, in the person's language; English where none fits."""

from mien_core.languages import FALLBACK, collect


class Words:
    """The strings of one language; call it with a key and what fills the braces."""

    def __init__(self, language: str = FALLBACK) -> None:
        self.language = language
        self._strings = collect("tray", language)

    def __call__(self, key: str, **fields: object) -> str:
        return self._strings[key].format(**fields)

    def knows(self, key: str) -> bool:
        return key in self._strings
