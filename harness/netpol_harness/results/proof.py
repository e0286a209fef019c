"""What a denial must rest on. Pure."""

from enum import StrEnum


class Proof(StrEnum):
    """What a denial must rest on, beside a listener that is alive.

    LIFT      the same probe was open while a policy admitted everything, and denied before and after
    BASELINE  the same probe was open earlier in the run, between the same pods
    LISTENER  nothing more
    """

    LIFT = "lift"
    BASELINE = "baseline"
    LISTENER = "listener"
