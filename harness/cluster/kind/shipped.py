"""Files that come with the harness beside its code: definitions of CNIs, the kind config."""

import sys
from pathlib import Path

from harness.errors import ClusterFailed

_PLACES = (Path(__file__).resolve().parents[3], Path(sys.prefix) / "share" / "netpol-harness")
"""A checkout, and where an installed package puts them."""


def shipped(name: str) -> Path:
    """The file or folder of that name. Raises ``ClusterFailed`` where the installation lacks it."""
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    places = " nor in ".join(map(str, _PLACES))
    raise ClusterFailed(f"{name} is neither in {places}: the installation is incomplete; install the package again")
