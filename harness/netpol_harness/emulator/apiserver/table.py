"""The Table representation (meta.k8s.io/v1), which ``kubectl get`` prints.

Columns of priority 1 are those of ``-o wide``. Cells follow ``pkg/printers/internalversion``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from netpol_harness.emulator.apiserver.resources import ServedResource, with_type_meta
from netpol_harness.model.json_object import JsonObject

Cell: TypeAlias = Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``wide`` ones are shown by ``-o wide`` only."""

    name: str
    cell: Cell
    wide: bool = False
    type: str = "string"

    def definition(self) -> dict[str, object]:
        """Return the wire form of the heading."""
        form = "name" if self.name == "Name" else ""
        priority = 1 if self.wide else 0
        return {"name": self.name, "type": self.type, "format": form, "description": "", "priority": priority}


def render_table(
    resource: ServedResource, columns: Sequence[Column], objects: Sequence[JsonObject], *, include: str, version: str
) -> dict[str, Any]:
    """Return a Table with one row per object. ``include`` is Metadata, Object or None, as in the query."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [
            {"cells": [column.cell(obj) for column in columns], **_included(resource, obj, include)} for obj in objects
        ],
    }


def _included(resource: ServedResource, obj: JsonObject, include: str) -> dict[str, Any]:
    match include:
        case "None":
            return {}
        case "Object":
            return {"object": with_type_meta(resource, obj)}
        case _:
            partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
            return {"object": partial}


def age(timestamp: str | None) -> str:
    """Return the time since an API timestamp, as kubectl writes durations; ``<unknown>`` without one."""
    if not timestamp:
        return "<unknown>"
    return human_duration(int((datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()))


def human_duration(seconds: int) -> str:
    """Return seconds in at most two units: 119s, 9m59s, 5h1m, 3d4h, 2y10d (apimachinery ``pkg/util/duration``)."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = (
        (seconds < 120, f"{max(seconds, 0)}s"),
        (minutes < 10, _two(minutes, "m", seconds % 60, "s")),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, _two(hours, "h", minutes % 60, "m")),
        (hours < 48, f"{hours}h"),
        (days < 8, _two(days, "d", hours % 24, "h")),
        (days < 730, f"{days}d"),
        (days < 2920, _two(days // 365, "y", days % 365, "d")),
    )
    return next((text for fits, text in steps if fits), f"{days // 365}y")


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large}{unit}{small}{small_unit}" if small else f"{large}{unit}"
