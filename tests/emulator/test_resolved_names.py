"""What the policy engine knows of names, as the name server's answers change."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from netpol_harness.emulator.dns_zone import Zone
from netpol_harness.emulator.resolved_names import KnownNames, ResolvedNames
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.domain_names import DomainRecord
from netpol_harness.wellknown import DOMAIN_NAMES_LABEL, EXTERNAL_HOST_ANNOTATION

KEY = Key("configmaps", "external", "domain-names")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Answers:
    """A name server whose records change."""

    def __init__(self, clock: Clock) -> None:
        numbers = count()
        self.store = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(numbers)))
        self.names = ResolvedNames(Zone(self.store), clock)

    def set(self, *records: DomainRecord) -> None:
        metadata = {"name": KEY.name, "namespace": KEY.namespace, "labels": {DOMAIN_NAMES_LABEL: "true"}}
        data = {"records": json.dumps([record.as_json() for record in records])}
        if self.store.find(KEY) is not None:
            self.store.remove(KEY)
        self.store.create("configmaps", {"metadata": metadata, "data": data})

    def host(self, name: str, address: str) -> None:
        metadata = {"name": name, "namespace": "external", "annotations": {EXTERNAL_HOST_ANNOTATION: address}}
        self.store.create("pods", {"metadata": metadata, "status": {"podIPs": [{"ip": address}]}})

    def known(self, *names: str) -> KnownNames:
        return self.names.known(names)

    def addresses(self, *names: str) -> Mapping[str, Any]:
        return self.known(*names).addresses


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(clock: Clock) -> Answers:
    return Answers(clock)


def test_addresses_of_both_families_and_of_hosts_are_known(answers: Answers) -> None:
    answers.host("api", "198.18.60.1")
    answers.host("db.example.com", "198.18.60.2")
    answers.set(DomainRecord("a.example.com", ("203.0.113.7", "fd00::7", "api")))
    found = answers.known("a.example.com", "db.example.com", "other.example.com")
    assert set(found.addresses["a.example.com"]) == {"203.0.113.7", "fd00::7", "198.18.60.1"}
    assert found.addresses["db.example.com"] == ("198.18.60.2",)
    assert found.addresses.keys() == {"a.example.com", "db.example.com"}
    assert found.seconds is None


def test_an_alias_has_the_addresses_at_the_end_of_its_chain(answers: Answers) -> None:
    answers.set(
        DomainRecord("www.example.com", alias="edge.example.com"),
        DomainRecord("edge.example.com", alias="a.example.com"),
        DomainRecord("a.example.com", ("203.0.113.7",)),
    )
    assert answers.addresses("www.example.com") == {"www.example.com": ("203.0.113.7",)}


def test_an_address_is_known_until_the_last_answer_is_no_longer_valid(answers: Answers, clock: Clock) -> None:
    name = "a.example.com"
    answers.set(DomainRecord(name, ("203.0.113.7",), ttl=10))
    assert answers.addresses(name) == {name: ("203.0.113.7",)}
    clock.now += 60
    answers.set(DomainRecord(name, ("203.0.113.8",), ttl=1))
    assert answers.known(name) == KnownNames({name: ("203.0.113.7", "203.0.113.8")}, 10)
    clock.now += 9
    assert answers.known(name) == KnownNames({name: ("203.0.113.7", "203.0.113.8")}, 1)
    clock.now += 1
    assert answers.known(name) == KnownNames({name: ("203.0.113.8",)}, None)


def test_an_answer_is_valid_as_long_as_the_shortest_of_its_chain(answers: Answers, clock: Clock) -> None:
    long, short = "a.example.com", "b.example.com"
    answers.set(DomainRecord(long, alias=short, ttl=30), DomainRecord(short, ("203.0.113.7",), ttl=2))
    answers.known(long)
    answers.set()
    assert answers.known().seconds == 2
    clock.now += 2
    assert answers.addresses() == {}


def test_an_address_that_comes_back_is_not_forgotten(answers: Answers, clock: Clock) -> None:
    name, record = "a.example.com", DomainRecord("a.example.com", ("203.0.113.7",), ttl=5)
    answers.set(record)
    answers.known(name)
    answers.set()
    assert answers.known(name).seconds == 5
    clock.now += 4
    answers.set(record)
    assert answers.known(name) == KnownNames({name: ("203.0.113.7",)}, None)
    clock.now += 4
    assert answers.addresses(name) == {name: ("203.0.113.7",)}


def test_a_time_to_live_of_zero_ends_at_once(answers: Answers) -> None:
    name = "a.example.com"
    answers.set(DomainRecord(name, ("203.0.113.7",), ttl=0))
    answers.known(name)
    answers.set()
    assert answers.known(name) == KnownNames()


def test_a_config_map_that_cannot_be_read_has_no_names(answers: Answers) -> None:
    metadata = {"name": "broken", "namespace": "external", "labels": {DOMAIN_NAMES_LABEL: "true"}}
    answers.store.create("configmaps", {"metadata": metadata, "data": {"records": "["}})
    assert answers.addresses("a.example.com") == {}
