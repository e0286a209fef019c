"""What packets say about changed paths, as lines and as data for JSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.escape import one_line
from netpol_harness.report.message import verdict
from netpol_harness.results.evidence import Judgement
from netpol_harness.runner.replay import Observed, Replay, ReplayVerdict

_MOST_CONTRADICTIONS = 10
_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Replays:
    """The replayed changes of a step, and the dataplane on which they were replayed."""

    replays: tuple[Replay, ...]
    dataplane: str

    @property
    def contradicted(self) -> tuple[Replay, ...]:
        """The changes that the network does not make."""
        return tuple(replay for replay in self.replays if replay.verdict is ReplayVerdict.CONTRADICTED)

    @property
    def lines(self) -> tuple[str, ...]:
        """The numbers, then each contradiction, then the reasons for which changes could not be proven."""
        return (f"by packets ({self.dataplane}): {self._numbers}", *self._contradictions(), *self._unproven())

    @property
    def as_json(self) -> dict[str, object]:
        """The dataplane, and what was observed on each path."""
        return {"dataplane": self.dataplane, "changes": list(map(_replay, self.replays))}

    @property
    def _numbers(self) -> str:
        counts = Counter(replay.verdict for replay in self.replays)
        return ", ".join(f"{counts[each]} {each}" for each in ReplayVerdict if counts[each]) or "nothing to prove"

    def _contradictions(self) -> Iterator[str]:
        told = self.contradicted
        for replay in told[:_MOST_CONTRADICTIONS]:
            yield f"  CONTRADICTED {one_line(replay.change.path.text)}: {_wrong(replay)}"
        if rest := told[_MOST_CONTRADICTIONS:]:
            yield f"  ... and {len(rest)} more contradictions; -o json lists them"

    def _unproven(self) -> Iterator[str]:
        open_ones = [replay for replay in self.replays if replay.verdict is ReplayVerdict.NOT_PROVABLE]
        reasons = Counter(_reason(replay) for replay in open_ones).most_common()
        for reason, count in reasons[:_MOST_REASONS]:
            yield f"  not provable, {count} {'path' if count == 1 else 'paths'}: {one_line(reason)}"
        if rest := reasons[_MOST_REASONS:]:
            yield f"  ... and {sum(count for _, count in rest)} paths that are not provable for other reasons"


def _wrong(replay: Replay) -> str:
    wrong = (Judgement.DISAGREES, Judgement.FLAPPING)
    told = ((name, side.result) for name, side in replay.observed if side.result and side.result.judgement in wrong)
    return "; ".join(f"{name}, {verdict(result)}" for name, result in told)


def _reason(replay: Replay) -> str:
    told = ((name, _obstacle(side)) for name, side in replay.observed)
    reasons = [f"{name}, {reason}" for name, reason in told if reason]
    return "; ".join(reasons) or f"its predicted verdict is open; observed {_outcomes(replay)}"


def _obstacle(side: Observed) -> str:
    if side.result is None:
        return side.obstacle
    return "" if side.result.judgement is Judgement.AGREES else verdict(side.result)


def _outcomes(replay: Replay) -> str:
    seen = ((name, side.result.outcome) for name, side in replay.observed if side.result)
    return ", ".join(f"{outcome} {name}" for name, outcome in seen)


def _replay(replay: Replay) -> dict[str, object]:
    return {
        "source": replay.change.path.source_text,
        "target": replay.change.path.target_text,
        "verdict": replay.verdict,
        **{name: _observed(side) for name, side in replay.observed},
    }


def _observed(side: Observed) -> dict[str, object]:
    if side.result is None:
        return {"obstacle": side.obstacle}
    reply = side.result.worst.evidence.decisive.reply
    return {
        "expected": side.result.expected,
        "outcome": side.result.outcome,
        "judgement": side.result.judgement,
        "attempts": side.result.attempts,
        "command": reply.command,
        "detail": reply.detail,
    }
