"""Names outside the cluster, and the addresses to which they lead."""

import pytest

from netpol_harness.model.domain_names import DomainRecord, followed, resolved

RECORDS = {
    record.name: record
    for record in (
        DomainRecord("api.example.com", ("api", "203.0.113.7", "api")),
        DomainRecord("www.example.com", alias="cdn.example.net"),
        DomainRecord("cdn.example.net", alias="api.example.com", ttl=60),
        DomainRecord("host.example.com", alias="db.example.com"),
        DomainRecord("loop.example.com", alias="pool.example.com"),
        DomainRecord("pool.example.com", alias="loop.example.com"),
        DomainRecord("nowhere.example.com", alias="missing.example.com"),
    )
}
HOSTS = {"api": ["198.18.60.1"], "db.example.com": ["198.18.60.2"], "unknown": []}


def test_addresses_are_those_at_the_end_of_the_chain_each_once() -> None:
    names = resolved(RECORDS, HOSTS)
    assert names["api.example.com"] == names["www.example.com"] == ("198.18.60.1", "203.0.113.7")


def test_the_domain_name_of_an_external_host_is_a_name_too() -> None:
    names = resolved(RECORDS, HOSTS)
    assert names["db.example.com"] == names["host.example.com"] == ("198.18.60.2",)
    assert "api" not in names


@pytest.mark.parametrize("name", ["loop.example.com", "nowhere.example.com", "missing.example.com"])
def test_names_that_lead_nowhere_have_no_addresses(name: str) -> None:
    assert followed(name, RECORDS) is None
    assert name not in resolved(RECORDS, HOSTS)


def test_a_record_survives_json() -> None:
    assert all(DomainRecord.from_json(record.as_json()) == record for record in RECORDS.values())
