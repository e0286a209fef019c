"""Cells that the tables of several kinds have: functions from an object to what ``kubectl get`` prints."""

from collections.abc import Iterable, Mapping
from typing import Any

from netpol_harness.emulator.apiserver.selectors import label_query
from netpol_harness.emulator.apiserver.table import Cell, Column, age
from netpol_harness.model.json_object import JsonMapping

NONE = "<none>"


def at(*path: str, default: object = NONE) -> Cell:
    """Return a cell that shows the value at this path."""

    def cell(obj: JsonMapping) -> object:
        value: Any = obj
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return default if value in (None, "") else value

    return cell


def own_age(obj: JsonMapping) -> str:
    """Return the time since the object's creation."""
    return age(obj["metadata"].get("creationTimestamp"))


def pairs(labels: Mapping[str, str]) -> str:
    """Return labels or equal-label selectors, sorted."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) or NONE


def selector_text(selector: JsonMapping) -> str:
    """Return a label selector as kubectl takes it."""
    return label_query(selector) or NONE


def shortened(words: Iterable[str], limit: int = 3) -> str:
    """Return the first few words, and how many are left out."""
    all_words = list(words)
    more = f" + {len(all_words) - limit} more..." if len(all_words) > limit else ""
    return (",".join(all_words[:limit]) + more) or "<unset>"


def containers(field: str) -> Cell:
    """Return a cell with the names or images of a workload's containers."""

    def cell(workload: JsonMapping) -> str:
        spec = workload["spec"].get("jobTemplate", workload)["spec"]
        return ",".join(part.get(field, "") for part in spec["template"]["spec"].get("containers", ()))

    return cell


def workload_selector(workload: JsonMapping) -> str:
    """Return the selector of a workload: equal labels alone, or a ``metav1.LabelSelector``."""
    selector = workload["spec"].get("selector", {})
    is_equality = workload.get("kind") in ("DeploymentConfig", "ReplicationController")
    return pairs(selector) if is_equality else selector_text(selector)


def conditions(obj: JsonMapping) -> Mapping[str, str]:
    """Return the statuses of an object's conditions, by type."""
    return {each["type"]: each["status"] for each in obj.get("status", {}).get("conditions", ())}


NAME = Column("Name", at("metadata", "name"))
AGE = Column("Age", own_age)
CONTAINER_COLUMNS = (
    Column("Containers", containers("name"), wide=True),
    Column("Images", containers("image"), wide=True),
)
TEMPLATE_COLUMNS = (
    *CONTAINER_COLUMNS,
    Column("Selector", workload_selector, wide=True),
)
