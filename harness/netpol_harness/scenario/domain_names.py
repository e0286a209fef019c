"""Reads ``names``: the names outside the cluster that its name server answers."""

from collections.abc import Iterator, Mapping

from netpol_harness.model.addresses import is_address
from netpol_harness.model.domain_names import DEFAULT_TTL, DomainRecord, Records, followed
from netpol_harness.paths.path import ExternalHost
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import Report


def domain_records(node: YamlNode, hosts: Mapping[str, ExternalHost], before: Records, report: Report) -> Records:
    """Return the records of ``names``, over those ``before``, which a step changes; null removes a name.

    Reports addresses that are neither IP addresses nor external hosts, names of external hosts, and aliases that lead
    nowhere.
    """
    records = {**before}
    for key, value in node.entries:
        if key.text in hosts:
            report.add(key.place, f"'{key.text}' is the name of an external host", "remove it: it has that address")
        records[key.text] = _record(key.text, value)
        if value.kind is YamlKind.NOTHING:
            del records[key.text]
        for entry in _addresses(value):
            if not is_address(entry.text) and entry.text not in hosts:
                what = f"'{entry.text}' is neither an IP address nor a host under 'external'"
                report.add(entry.place, what, "write one of the two")
    for key, value in node.entries:
        alias = value.at("alias")
        if value.kind is YamlKind.MAPPING and bool(alias.text) == bool(value.get("addresses")):
            report.add(value.place, f"'{key.text}' needs either addresses or an alias", "write one of the two keys")
        elif alias.text and alias.text not in hosts and followed(alias.text, records) is None:
            report.add(alias.place, f"the alias '{alias.text}' leads to no address", "add that name under 'names'")
    return records


def _record(name: str, value: YamlNode) -> DomainRecord:
    ttl = value.at("ttl").value
    return DomainRecord(
        name,
        tuple(entry.text for entry in _addresses(value)),
        value.at("alias").text,
        ttl if isinstance(ttl, int) else DEFAULT_TTL,
    )


def _addresses(value: YamlNode) -> Iterator[YamlNode]:
    yield from value.items or value.at("addresses").items
