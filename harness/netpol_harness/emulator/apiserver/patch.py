"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396) as pure functions. Strategic merge is in ``strategic``."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from netpol_harness.emulator.apiserver.errors import StatusError, bad_request
from netpol_harness.emulator.store import clone

_MOST_OPERATIONS = 10_000
_MOST_COPIED = 3 * 1024 * 1024
"""Bytes of JSON, as on the real server: copies of copies double with each operation."""

_MOST_LEVELS = 200
"""Levels of lists and objects; limited so that no answer depends on Python's recursion limit."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the target with a merge patch applied; null removes a field."""
    if not isinstance(patch, dict):
        return clone(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def json_patch(document: Any, operations: object) -> Any:
    """Return a new document with the operations applied in order.

    Raises StatusError: 400 if it is not a JSON Patch, 422 if it does not fit the document.
    """
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise bad_request("a JSON patch must be a list of operations")
    if len(operations) > _MOST_OPERATIONS:
        words = f"The allowed maximum operations in a JSON patch is {_MOST_OPERATIONS}, got {len(operations)}"
        raise StatusError(413, "RequestEntityTooLarge", words)
    result, copied = clone(document), 0
    for operation in operations:
        copied += _copied_size(result, operation)
        if copied > _MOST_COPIED:
            raise StatusError(413, "RequestEntityTooLarge", "Unable to complete the copy: it grows too large")
        result = _apply(result, operation)
    return result


def _copied_size(document: Any, operation: Mapping[str, Any]) -> int:
    """Return the bytes of JSON that an operation copies; 0 if it fails or copies nothing."""
    if operation.get("op") != "copy":
        return 0
    try:
        return len(json.dumps(_get(document, _tokens(operation.get("from")))))
    except (KeyError, IndexError, ValueError, TypeError):
        return 0


def _apply(document: Any, operation: Mapping[str, Any]) -> Any:
    try:
        path = _tokens(operation["path"])
        match operation["op"]:
            case "add":
                return _add(document, path, clone(operation["value"]))
            case "remove":
                return _remove(document, path)
            case "replace":
                _get(document, path)
                return _set(document, path, clone(operation["value"]))
            case "move":
                source = _tokens(operation["from"])
                moved = _get(document, source)
                return _add(_remove(document, source), path, moved)
            case "copy":
                return _add(document, path, _copy(document, operation, len(path)))
            case "test":
                return _tested(document, path, operation.get("value"))
            case other:
                raise bad_request(f"Unexpected kind: {other}")
    except (KeyError, IndexError, ValueError, TypeError) as unfit:
        path_text = operation.get("path", "")
        message = f"{operation.get('op', '')} operation does not apply: doc is missing path: {path_text}: {unfit}"
        raise StatusError(
            422, "Invalid", f"the server rejected our request due to an error in our request: {message}"
        ) from unfit


def _copy(document: Any, operation: Mapping[str, Any], below: int) -> Any:
    """Return the copied value, for a position ``below`` so many levels."""
    value = _get(document, _tokens(operation["from"]))
    if below + _levels(value) > _MOST_LEVELS:
        raise ValueError(f"nested more than {_MOST_LEVELS} deep")
    return clone(value)


def _levels(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_levels, value.values() if isinstance(value, dict) else value), default=0)


def _tokens(pointer: object) -> list[str]:
    """Return the parts of a JSON Pointer (RFC 6901)."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise ValueError(pointer)
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _get(document: Any, path: Sequence[str]) -> Any:
    for token in path:
        document = document[_index(document, token)] if isinstance(document, list) else document[token]
    return document


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if path:
        parent = _get(document, path[:-1])
        if isinstance(parent, list):
            parent.insert(len(parent) if path[-1] == "-" else _index(parent, path[-1], beyond=1), value)
            return document
    return _set(document, path, value)


def _set(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]] = value
    return document


def _remove(document: Any, path: Sequence[str]) -> Any:
    parent = _get(document, path[:-1])
    del parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]]
    return document


def _tested(document: Any, path: Sequence[str], value: Any) -> Any:
    current = _get(document, path)
    if current != value:
        raise ValueError("testing value failed")
    return document


def _index(items: Sequence[Any], token: str, beyond: int = 0) -> int:
    index = int(token)
    if not 0 <= index < len(items) + beyond:
        raise IndexError(token)
    return index
