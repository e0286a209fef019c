"""Nodes (core/v1), as far as policies select them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netpol_harness.model.addresses import is_address
from netpol_harness.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Node:
    """A node, its labels, and the addresses of its ``status.addresses`` that are IP addresses, each once."""

    name: str
    labels: Labels
    addresses: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Node":
        """Read a core/v1 Node."""
        metadata, status = data["metadata"], data.get("status") or {}
        written = (entry["address"] for entry in status.get("addresses") or ())
        addresses = dict.fromkeys(address for address in written if is_address(address))
        return cls(metadata["name"], metadata.get("labels") or {}, tuple(addresses))
