"""Fields that a client omits."""

from typing import Any

from netpol_harness.model.json_object import JsonObject


def fill(target: JsonObject, **values: Any) -> None:
    """Set the fields that are absent."""
    for name, value in values.items():
        target.setdefault(name, value)
