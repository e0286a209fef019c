"""The pace: how much time probes get, as a factor on their time-out.

Silence counts only if the round shows that an answer would have come in time. If anything that did answer took more
than half of the time-out, a pod's own pulse included, the silence of that round is not an observation, and the next
round has twice the time. The pace falls again when the pods are quick. Silence on a name may be a single lost query,
which resolvers repeat only after seconds: it needs a round twice as quick, or the slowest pace. If only that was
doubted, the few probes in doubt are first asked again with the same time: alone they are often quick enough.
"""

SLOW, SLOW_FOR_NAMES, QUICK = 1 / 2, 1 / 4, 1 / 8
"""Parts of the time-out: above the first a round is too slow to trust its silence, above the second that of a name;
below the third it is quick."""
SLOWEST = 8

TOO_SLOW = "too slow for silence to mean anything"


class Pace:
    """The factor on the time-out of probes, from ``quickest`` to 8. Safe to share between threads.

    ``slowness`` is the longest that anything which answered took, as a part of the time-out.
    """

    def __init__(self, quickest: float = 1.0) -> None:
        self._quickest = quickest
        self.factor = quickest

    def trusts_silence(self, slowness: float, *, by_name: bool) -> bool:
        """Return whether silence in a round of this slowness is an observation; ``by_name``: it needed a lookup."""
        return slowness <= (SLOW_FOR_NAMES if by_name and self.factor < SLOWEST else SLOW)

    def adapt(self, slowness: float, *, doubtful: bool, repeated: bool = False) -> None:
        """Slow down after a slow round, or if ``doubtful`` silence is doubted again; speed up after a quick one.

        ``repeated``: the round had only the doubtful probes of another, so that it does not show how quick all are.
        """
        if slowness > SLOW or (doubtful and repeated):
            self.factor = min(self.factor * 2, SLOWEST)
        elif slowness < QUICK and not repeated:
            self.factor = max(self.factor / 2, self._quickest)
