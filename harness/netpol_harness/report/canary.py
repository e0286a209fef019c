"""The rows of the canary alone, as text and as plain data for JSON."""

from collections.abc import Iterator, Sequence

from netpol_harness.model.json_object import JsonObject
from netpol_harness.results.evidence import Attempt
from netpol_harness.results.table import PathResult
from netpol_harness.runner.canary.rows import PHASES, CanaryTable, Row

_TITLES = ("DIRECTION", "FAMILY", "PROTOCOL", "PODS", "RESULT", "EVIDENCE")


def as_text(table: CanaryTable, header: str) -> str:
    """Return an aligned table, with the reasons of rows that are not enforced and with notes below it."""
    lines = [_TITLES, *(_cells(row) for row in table.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_TITLES))]
    aligned = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    parts = [header, "", *(line.rstrip() for line in aligned), "", *_reasons(table), *table.notes]
    return "\n".join([*parts, f"{len(table.rows)} rows in {table.seconds:.1f} s"]) + "\n"


def as_object(table: CanaryTable, header: str) -> JsonObject:
    """Return the rows with all their evidence."""
    return {
        "cluster": header,
        "seconds": round(table.seconds, 3),
        "rows": [_row(row) for row in table.rows],
        "notes": list(table.notes),
        "leftovers": list(table.leftovers),
    }


def _name(row: Row) -> tuple[str, str, str, str]:
    direction, pairing = row.aspect.direction, row.aspect.pairing
    assert direction is not None
    assert pairing is not None
    return direction.lower(), f"IPv{row.family}", str(row.aspect.traffic.protocol), str(pairing)


def _cells(row: Row) -> Sequence[str]:
    summaries = (_summary(phase, results) for phase, results in zip(PHASES, row.observations, strict=False))
    return (*_name(row), str(row.result), "; ".join(summaries) or "none")


def _summary(phase: str, results: Sequence[PathResult]) -> str:
    """Return ``under the policies 1 open, 2 closed``."""
    opened = sum(_last(result).is_open for result in results)
    counts = [f"{opened} open"] * bool(opened) + [f"{len(results) - opened} closed"] * (opened < len(results))
    return f"{phase} {', '.join(counts)}"


def _reasons(table: CanaryTable) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for row in table.rows:
        if row.reason:
            by_reason.setdefault(row.reason, []).append(" ".join(_name(row)))
    for reason, names in by_reason.items():
        yield f"{', '.join(names)}: {reason}"


def _row(row: Row) -> JsonObject:
    direction, family, protocol, pods = _name(row)
    return {
        "direction": direction,
        "family": family,
        "protocol": protocol,
        "pods": pods,
        "result": str(row.result),
        "reason": row.reason,
        "evidence": [
            _evidence(phase, result)
            for phase, results in zip(PHASES, row.observations, strict=False)
            for result in results
        ],
    }


def _evidence(phase: str, result: PathResult) -> JsonObject:
    attempt = _last(result)
    return {
        "phase": phase,
        "path": f"{result.source} -> {result.target}",
        "expected": str(result.expected),
        "observed": str(attempt.reply.outcome),
        "listener": str(attempt.liveness.outcome) if attempt.liveness else "",
        "seconds": round(attempt.at, 3),
        "command": attempt.reply.command,
    }


def _last(result: PathResult) -> Attempt:
    return result.worst.evidence.attempts[-1]
