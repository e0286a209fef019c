"""Scenarios played without a cluster: which states their steps lead through, and what an agent is told of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.mutation.simulate import SimulatedState, simulate
from netpol_harness.scenario.load import load
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

WORKLOADS = """\
{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {team: red}}}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {app: a}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: chosen, namespace: x, annotations: {cni.projectcalico.org/ipAddrs: '["10.244.0.77"]'}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: node, namespace: x}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: x}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
"""
DENY = """\
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: x}, spec: {podSelector: {}}}
"""
A = NamespacedName("x", "a")

Playing = Callable[[str], list[SimulatedState]]


@pytest.fixture
def playing(tmp_path: Path) -> Playing:
    """The moments of a scenario with these steps."""

    def play_steps(steps: str) -> list[SimulatedState]:
        (tmp_path / "workloads.yaml").write_text(WORKLOADS)
        (tmp_path / "deny.yaml").write_text(DENY)
        text = f"title: played\nworkloads: [workloads.yaml]\nexclusive: true\nsteps:\n{steps}".replace(
            "{name:", "{others: allowed, name:"
        )
        (tmp_path / "scenario.yaml").write_text(text)
        return list(simulate(load(tmp_path / "scenario.yaml")))

    return play_steps


def lasting(moments: list[SimulatedState]) -> list[SimulatedState]:
    return [moment for moment in moments if moment.lasts]


def address(moment: SimulatedState, ref: NamespacedName = A) -> str:
    return moment.snapshot.world.pods[ref].addresses[0]


def test_every_step_ends_in_a_state_that_lasts(playing: Playing) -> None:
    open_, closed = lasting(playing("  - {name: open}\n  - {name: closed, policies: [deny.yaml]}\n"))
    assert not open_.snapshot.world.policies
    assert [policy.ref.name for policy in closed.snapshot.world.policies] == ["deny"]


def test_pods_have_addresses_of_their_own_and_controllers_have_all_their_pods(playing: Playing) -> None:
    (moment,) = lasting(playing("  - {name: open}\n"))
    pods = moment.snapshot.world.pods
    assert {ref.name for ref in pods if ref.namespace == "x"} == {"a", "chosen", "node", "web-0", "web-1"}
    assert len({pod.addresses for pod in pods.values()}) == len(pods)
    assert address(moment, NamespacedName("x", "chosen")) == "10.244.0.77"
    assert pods[NamespacedName("x", "node")].host_network


def test_a_pod_made_again_is_gone_in_between_and_has_another_address(playing: Playing) -> None:
    moments = playing("  - {name: open}\n  - {name: again, recreate: [x/a]}\n")
    before, after = lasting(moments)
    way = moments[moments.index(before) + 1 :]
    assert any(A not in moment.snapshot.world.pods for moment in way)
    assert address(before) != address(after)


def test_a_pod_that_is_relabelled_keeps_its_address(playing: Playing) -> None:
    before, after = lasting(playing("  - {name: open}\n  - {name: new, labels: {pods: {x/a: {app: b}}}}\n"))
    assert address(before) == address(after)
    assert after.snapshot.world.pods[A].labels == {"app": "b"}


def test_a_namespace_that_is_relabelled_keeps_its_name_for_a_label(playing: Playing) -> None:
    *_, after = lasting(playing("  - {name: open}\n  - {name: new, labels: {namespaces: {x: {team: blue}}}}\n"))
    assert after.snapshot.world.namespaces["x"].labels == {"team": "blue", NAMESPACE_NAME_LABEL: "x"}


def test_what_is_absent_is_not_there(playing: Playing) -> None:
    absent, there = lasting(playing("  - {name: one, absent: [x/a]}\n  - {name: two}\n"))
    assert A not in absent.snapshot.world.pods
    assert A in there.snapshot.world.pods


def test_a_repeated_step_is_left_and_entered_again(playing: Playing) -> None:
    moments = lasting(playing("  - {name: open}\n  - {name: closed, policies: [deny.yaml], repeat: 9}\n"))
    assert [len(moment.snapshot.world.policies) for moment in moments] == [0, 1, 0, 1]


def test_the_agent_is_restarted_where_the_step_says_so(playing: Playing) -> None:
    moments = playing("  - {name: open}\n  - {name: restarted, restart: agent}\n")
    assert [moment.restart for moment in moments if moment.restart or moment.lasts] == [False, True]
