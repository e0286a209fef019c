"""Bodies in YAML, with JSON's types only, and with limits on input that is small to send and expensive to build."""

from typing import Any

import yaml

from netpol_harness.emulator.apiserver.errors import bad_request
from netpol_harness.yaml_loader import safe_loader

_LOADER = safe_loader(without={"timestamp", "merge", "value"})


def read(content: bytes, depth: int) -> Any:
    """Return the document, of at most this depth. Raises StatusError 400."""
    try:
        _check_events(content, depth)
        return yaml.load(content, _LOADER)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as unreadable:
        raise bad_request(f"error parsing YAML: {unreadable}") from None


def _check_events(content: bytes, limit: int) -> None:
    """Refuse what the real server limits, before it is built: aliases of aliases, and depth."""
    depth = 0
    for event in yaml.parse(content, _LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > limit:
            raise yaml.YAMLError("exceeded max depth")
