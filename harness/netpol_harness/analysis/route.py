"""The flows of a path as policies see them. Pure."""

from dataclasses import dataclass

from netpol_harness.analysis.doubts import Doubt
from netpol_harness.oracle.verdict import Flow


@dataclass(frozen=True, slots=True)
class Route:
    """The flows of a path.

    ``lookups`` go to the name servers, ``connections`` to the endpoints; ``balanced`` if one of these is random.
    ``nameless`` says that the name does not exist; ``rejected`` why connections are rejected if no policy drops them
    before, empty if they are not; ``doubt`` why the oracle cannot know the outcome, ``None`` if it can.
    """

    lookups: tuple[Flow, ...] = ()
    connections: tuple[Flow, ...] = ()
    balanced: bool = False
    nameless: bool = False
    doubt: Doubt | None = None
    rejected: str = ""
