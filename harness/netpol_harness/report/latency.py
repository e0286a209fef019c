"""Measured latencies as text with histograms, as plain data, and against earlier runs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from statistics import median
from typing import Any

from netpol_harness.results.latency import Censoring, Interval
from netpol_harness.runner.latency import WINDOWS, Measurement, is_late
from netpol_harness.runner.new_pods import CHANGES, CONTROLS

_WIDTH = 40
_BOUNDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


def as_object(measurements: Sequence[Measurement], header: str, *, control: bool) -> Mapping[str, Any]:
    """Return everything that was measured; times in seconds."""
    return {
        "cluster": header,
        "control": "late, as it was" if control else "not measured as late",
        "summary": summary(measurements),
        "measurements": [
            {
                "path": m.path,
                "change": m.change,
                "taken": _interval(m.taken) if m.taken else None,
                "windows": [_interval(window) for window in m.windows],
                "cadence": round(m.cadence, 4) if isfinite(m.cadence) else None,
                "samples": m.samples,
                "leaks": m.leaks,
                "problem": m.problem,
            }
            for m in measurements
        ],
    }


def summary(measurements: Sequence[Measurement]) -> Mapping[str, float]:
    """Return the median and the largest upper bound for each change, without those that were not seen to end."""
    found: dict[str, float] = {}
    for change in ("deny", "allow"):
        bounds = [m.taken.upper for m in measurements if m.change == change and m.taken and m.taken.upper is not None]
        if bounds:
            found |= {f"{change} median": round(median(bounds), 4), f"{change} worst": round(max(bounds), 4)}
    return found


def as_text(measurements: Sequence[Measurement], header: str, *, control: bool) -> str:
    """Return a histogram of upper bounds for each change, then what is censored and what was wrong meanwhile."""
    return "\n".join([header, *_lines(measurements, control=control)]) + "\n"


def trend(runs: Sequence[Mapping[str, float]], now: Mapping[str, float]) -> str:
    """Return a line for each figure that earlier runs have too: now, and the median of those runs."""
    lines = []
    for name, value in now.items():
        earlier = [run[name] for run in runs if name in run]
        if earlier and (usual := median(earlier)) > 0:
            lines.append(
                f"{name}: {value * 1000:.0f} ms, {value / usual:.2f} times the last {len(earlier)} runs' median"
            )
    return "".join(f"{line}\n" for line in lines)


def _lines(measurements: Sequence[Measurement], *, control: bool) -> Iterator[str]:
    cadences = [m.cadence for m in measurements if isfinite(m.cadence)]
    floor = f"{max(cadences) * 1000:.0f} ms" if cadences else "unknown"
    yield f"floor: {floor} between two observations at most; upper bounds below that are not told apart"
    if silent := {m.path: None for m in measurements if not isfinite(m.cadence)}:
        yield f"too few valid answers, at least once: {', '.join(silent)}"
    yield f"control: a change with a known delay was {'' if control else 'NOT '}measured as late"
    if not control:
        yield from _failed_controls(measurements)
    for change in ("deny", "allow"):
        taken = [m.taken for m in measurements if m.change == change and m.taken]
        if taken:
            yield from ("", f"time to {change}, upper bounds of {len(taken)} changes", *_histogram(taken))
    yield ""
    for change, title in zip(WINDOWS, ("restart of the agent", "deletion of a namespace"), strict=True):
        if measured := [m for m in measurements if m.change == change]:
            wrong = sum(bool(m.windows) for m in measured)
            yield f"{title}: {wrong} of {len(measured)} paths were wrong for a time"
    yield from _new_pods([m for m in measurements if m.change in CHANGES])
    yield from _blind_controls([m for m in measurements if m.change in CONTROLS])
    for m in measurements:
        if m.taken and m.change != "control":
            yield f"{m.change:<9}{m.path}: {m.taken}"
        for window in m.windows:
            yield f"{m.change:<9}{m.path}: wrong for {window}"


def _new_pods(created: Sequence[Measurement]) -> Iterator[str]:
    if created:
        yield f"new pods: {sum(bool(m.leaks) for m in created)} of {len(created)} closed paths were open at first"
    for m in created:
        if m.leaks or not m.samples:
            found = m.problem or f"{m.leaks} of {m.samples} valid probes found it open"
            yield f"  {m.change}, {m.path}: {found}"


def _blind_controls(created: Sequence[Measurement]) -> Iterator[str]:
    for m in created:
        if not m.leaks:
            found = m.problem or f"none of {m.samples} valid probes got through"
            yield f"  {m.change}, {m.path}: {found}, though nothing closes the path: first packets are not known"


def _failed_controls(measurements: Sequence[Measurement]) -> Iterator[str]:
    for m in measurements:
        if m.change == "control" and not (m.taken and is_late(m)):
            yield f"  {m.path}: {m.taken or 'no change seen'}, for {m.delay:.1f} s, every {m.cadence * 1000:.0f} ms"


def _histogram(taken: Sequence[Interval]) -> Iterator[str]:
    bounds = [each.upper for each in taken if each.upper is not None]
    edges = (0.0, *_BOUNDS, float("inf"))
    for low, high in pairwise(edges):
        if count := sum(low < bound <= high or (low == bound == 0.0) for bound in bounds):
            label = f"up to {high * 1000:.0f} ms" if high < float("inf") else "longer"
            yield f"  {label:<16}{'#' * max(1, count * _WIDTH // len(taken))} {count}"
    if censored := sum(each.censoring is Censoring.RIGHT for each in taken):
        yield f"  {'not seen':<16}{'#' * max(1, censored * _WIDTH // len(taken))} {censored}"


def _interval(value: Interval) -> Mapping[str, Any]:
    upper = None if value.upper is None else round(value.upper, 4)
    return {"lower": round(value.lower, 4), "upper": upper, "censored": str(value.censoring)}
