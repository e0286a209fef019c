"""The key ``names`` of a scenario and of its steps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.model.domain_names import DomainRecord
from netpol_harness.paths.ends import ExternalTarget
from netpol_harness.scenario.load import load

Write = Callable[..., Path]
HEAD = """
title: A title
workloads: [workloads.yaml]
external: {api: {address: 198.18.60.1, ports: [443]}, old: {ports: [443]}}
names:
  api.example.com: [api]
  www.example.com: {alias: api.example.com, ttl: 60}
  many.example.com: [api, old, 203.0.113.7]
steps:
"""
POD = """
{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c, image: i}]}}
"""


def written(write: Write, steps: str, head: str = HEAD) -> Path:
    return write(head + steps, {"workloads.yaml": POD})


def problems(file: Path) -> str:
    with pytest.raises(ScenarioInvalid) as caught:
        load(file)
    return "\n".join(caught.value.problems)


def test_a_step_changes_names_and_the_next_has_those_of_the_scenario_again(write: Write) -> None:
    steps = """
- {name: first, paths: {"web -> www.example.com:443": allowed}}
- name: moved
  names: {api.example.com: {addresses: [old], ttl: 0}, many.example.com: null}
  paths: {"web -> www.example.com:443": allowed}
- {name: last, paths: {"web -> api.example.com:443": allowed}}
"""
    first, moved, last = load(written(write, steps)).steps
    assert [step.expectations[0].path.target for step in (first, moved, last)] == [
        ExternalTarget("api", 443, "www.example.com"),
        ExternalTarget("old", 443, "www.example.com"),
        ExternalTarget("api", 443, "api.example.com"),
    ]
    assert moved.inventory.domain_records["api.example.com"] == DomainRecord("api.example.com", ("old",), ttl=0)
    assert "many.example.com" not in moved.inventory.domain_records
    assert first.inventory.domain_records == last.inventory.domain_records
    assert first.inventory.domain_names()["www.example.com"] == ("198.18.60.1",)
    assert moved.inventory.domain_names({"old": ["198.18.60.9"]})["www.example.com"] == ("198.18.60.9",)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("web -> many.example.com:443", "'many.example.com' does not have the address of exactly one external host"),
        ("web -> ww.example.com:443", "there is no workload, Service or external host called 'ww.example.com'"),
        ("old -> api.example.com:443", "does not use the cluster's name server, which knows 'api.example.com'"),
        ("web -> api.example.com:80", "80"),
    ],
)
def test_a_path_to_a_name_is_one_to_the_only_host_that_has_its_address(write: Write, path: str, message: str) -> None:
    assert message in problems(written(write, f'- {{name: s, paths: {{"{path}": allowed}}}}\n'))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("{api.example.com: [nobody]}", "'nobody' is neither an IP address nor a host under 'external'"),
        ("{api.example.com: {ttl: 3}}", "'api.example.com' needs either addresses or an alias"),
        ("{api.example.com: {addresses: [api], alias: www.example.com}}", "needs either addresses or an alias"),
        ("{a.example.com: {alias: b.example.com}}", "the alias 'b.example.com' leads to no address"),
        ("{a.example.com: {alias: a.example.com}}", "the alias 'a.example.com' leads to no address"),
        ("{example: [api]}", "'example' is not a domain name"),
        ("{a.shop.svc: [api]}", "'a.shop.svc' is not a domain name"),
        ("{a.example.com: {addresses: [api], ttl: -1}}", "a time to live"),
        ("{a.example.com: []}", "found an empty list"),
        ("{a.example.com: null}", "nothing"),
    ],
)
def test_names_that_cannot_be_answered_are_problems(write: Write, names: str, message: str) -> None:
    head = "title: t\nworkloads: [workloads.yaml]\nexternal: {api: {ports: [443]}}\n"
    assert message in problems(written(write, f"names: {names}\nsteps: [{{name: s, others: blocked}}]\n", head))


def test_the_name_of_an_external_host_cannot_be_given_other_addresses(write: Write) -> None:
    head = "title: t\nworkloads: [workloads.yaml]\nexternal: [db.example.com]\n"
    text = problems(
        written(write, "names: {db.example.com: [203.0.113.7]}\nsteps: [{name: s, others: blocked}]\n", head)
    )
    assert "'db.example.com' is the name of an external host" in text
