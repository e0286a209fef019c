"""ConfigMaps and Secrets: their keys, and ``immutable``."""

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.errors import Cause, forbidden, invalid
from netpol_harness.model.json_object import JsonObject

_CONTENTS = ("data", "binaryData")


def check_data(obj: JsonObject) -> list[Cause]:
    """Return causes to refuse the keys."""
    return [
        invalid(f"{field}[{key}]", key, words)
        for field in _CONTENTS
        for key in obj.get(field, {})
        for words in syntax.config_key(key)
    ]


def compare_data(obj: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change of an immutable object."""
    if not previous.get("immutable"):
        return []
    changed = [field for field in _CONTENTS if obj.get(field) != previous.get(field)]
    changed += [] if obj.get("immutable") else ["immutable"]
    return [forbidden(field, "field is immutable when `immutable` is set") for field in changed]
