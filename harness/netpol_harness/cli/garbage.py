"""How often Python looks for garbage while a command runs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""A thousand manifests are some 100,000 objects without cycles: searching them for garbage doubles the time."""


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Let the garbage collector run less often than by default."""
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
