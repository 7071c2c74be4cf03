"""Functions to put in place of others: a typed way to say what a call returns."""

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def returning(value: Value) -> Callable[..., Value]:
    """A function that takes any arguments and returns `value`."""

    def stand_in(*_: object, **__: object) -> Value:
        return value

    return stand_in
