"""The capabilities that paths need."""

from pathlib import Path

import pytest

from netpol_harness.backends.base import Capability
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.runner.requirements import needs, possible_hosts, requirements
from netpol_harness.scenario.governance import Governance
from netpol_harness.scenario.load import load

WORKLOADS = """
{apiVersion: v1, kind: Pod, metadata: {name: web},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: legacy}, spec: {ports: [{port: 5432}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, ports: [{port: 5432}],
 metadata: {name: legacy-1, labels: {kubernetes.io/service-name: legacy}}, endpoints: [{addresses: [203.0.113.7]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: edge}, spec: {type: LoadBalancer, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: kept}, spec: {externalIPs: [198.51.100.4], ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: away}, spec: {type: ExternalName, externalName: db.example.com}}
---
{apiVersion: v1, kind: Service, metadata: {name: partner}, spec: {type: ExternalName, externalName: api.example.org}}
"""
SCENARIO = """
title: A shop
workloads: [workloads.yaml]
external: {{old-db: {{address: 203.0.113.7, ports: [5432]}}, db.example.com: {{ports: [5432]}}}}
names: {{api.example.org: [old-db]}}
steps: [{{name: open, paths: {{{path}: undefined}}}}]
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("web -> web:80", []),
        ("old-db -> web:80", ["external hosts", "IPv4"]),
        ("web -> old-db:5432", ["external hosts", "IPv4"]),
        ("web -> legacy:5432", ["external hosts", "IPv4"]),
        ("web -> ip(legacy):5432", ["external hosts", "IPv4"]),
        ("web -> away:5432", ["external hosts", "names of external hosts"]),
        ("web -> partner:5432", ["external hosts", "names of external hosts", "IPv4"]),
        ("web -> db.example.com:5432", ["external hosts"]),
        ("node(web) -> web:80", ["pods on the network of nodes"]),
        ("web -> lb(edge):80", ["load balancers"]),
        ("web -> lb(kept):80", ["IPv4"]),
        ("web -> sctp://web:80", ["SCTP"]),
        ("'web -> [fd00::1]:80'", ["IPv6"]),
        ("web -> 198.51.100.9:80", ["IPv4"]),
    ],
)
def test_what_a_path_needs_depends_on_where_it_leads(tmp_path: Path, path: str, expected: list[str]) -> None:
    (tmp_path / "workloads.yaml").write_text(WORKLOADS)
    (tmp_path / "scenario.yaml").write_text(SCENARIO.format(path=path))
    scenario = load(tmp_path / "scenario.yaml")
    endpoints = EndpointResolver(scenario.inventory.world(), scenario.inventory.host_addresses)
    assert [need.value for need in needs(scenario.steps[0].expectations[0].path, endpoints, Governance())] == expected


def test_a_cluster_has_the_hosts_of_its_families(tmp_path: Path) -> None:
    (tmp_path / "workloads.yaml").write_text(WORKLOADS)
    (tmp_path / "scenario.yaml").write_text(SCENARIO.format(path="web -> web:80"))
    scenario = load(tmp_path / "scenario.yaml")
    assert len(possible_hosts(scenario, {Capability.IPV4})) == 2
    assert [host.name for host in possible_hosts(scenario, {Capability.IPV6})] == ["db.example.com"]


@pytest.mark.parametrize(
    ("addresses", "families"),
    [('["10.244.0.9"]', ["IPv4"]), ('["fd00::9"]', ["IPv6"]), ('["10.244.0.9", "fd00::9"]', ["IPv4", "IPv6"])],
)
def test_pods_with_chosen_addresses_need_their_families(tmp_path: Path, addresses: str, families: list[str]) -> None:
    annotations = f"metadata: {{name: web, annotations: {{cni.projectcalico.org/ipAddrs: '{addresses}'}}}}"
    (tmp_path / "workloads.yaml").write_text(WORKLOADS.replace("metadata: {name: web}", annotations, 1))
    (tmp_path / "scenario.yaml").write_text(SCENARIO.format(path="web -> web:80"))
    needed = [need.value for need in requirements(load(tmp_path / "scenario.yaml"))]
    assert needed == [Capability.CHOSEN_ADDRESSES.value, *families, Capability.EXTERNAL_NAMES.value]
