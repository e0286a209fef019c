"""Scenarios simulated without a cluster: the states that their steps lead through, and what an agent sees of them."""

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

Simulate = Callable[[str], list[SimulatedState]]


@pytest.fixture
def simulated(tmp_path: Path) -> Simulate:
    """Return a function that simulates a scenario with these steps."""

    def simulate_steps(steps: str) -> list[SimulatedState]:
        (tmp_path / "workloads.yaml").write_text(WORKLOADS)
        (tmp_path / "deny.yaml").write_text(DENY)
        text = f"title: simulated\nworkloads: [workloads.yaml]\nexclusive: true\nsteps:\n{steps}".replace(
            "{name:", "{others: allowed, name:"
        )
        (tmp_path / "scenario.yaml").write_text(text)
        return list(simulate(load(tmp_path / "scenario.yaml")))

    return simulate_steps


def in_steps(states: list[SimulatedState]) -> list[SimulatedState]:
    return [state for state in states if state.is_step]


def address(state: SimulatedState, ref: NamespacedName = A) -> str:
    return state.snapshot.world.pods[ref].addresses[0]


def test_every_step_ends_in_a_state_of_its_own(simulated: Simulate) -> None:
    open_, closed = in_steps(simulated("  - {name: open}\n  - {name: closed, policies: [deny.yaml]}\n"))
    assert not open_.snapshot.world.policies
    assert [policy.ref.name for policy in closed.snapshot.world.policies] == ["deny"]


def test_pods_have_addresses_of_their_own_and_controllers_have_all_their_pods(simulated: Simulate) -> None:
    (state,) = in_steps(simulated("  - {name: open}\n"))
    pods = state.snapshot.world.pods
    assert {ref.name for ref in pods if ref.namespace == "x"} == {"a", "chosen", "node", "web-0", "web-1"}
    assert len({pod.addresses for pod in pods.values()}) == len(pods)
    assert address(state, NamespacedName("x", "chosen")) == "10.244.0.77"
    assert pods[NamespacedName("x", "node")].host_network


def test_a_recreated_pod_is_gone_in_between_and_has_another_address(simulated: Simulate) -> None:
    states = simulated("  - {name: open}\n  - {name: again, recreate: [x/a]}\n")
    before, after = in_steps(states)
    way = states[states.index(before) + 1 :]
    assert any(A not in state.snapshot.world.pods for state in way)
    assert address(before) != address(after)


def test_a_pod_that_is_relabelled_keeps_its_address(simulated: Simulate) -> None:
    before, after = in_steps(simulated("  - {name: open}\n  - {name: new, labels: {pods: {x/a: {app: b}}}}\n"))
    assert address(before) == address(after)
    assert after.snapshot.world.pods[A].labels == {"app": "b"}


def test_a_namespace_that_is_relabelled_keeps_its_name_for_a_label(simulated: Simulate) -> None:
    *_, after = in_steps(simulated("  - {name: open}\n  - {name: new, labels: {namespaces: {x: {team: blue}}}}\n"))
    assert after.snapshot.world.namespaces["x"].labels == {"team": "blue", NAMESPACE_NAME_LABEL: "x"}


def test_what_is_absent_is_not_there(simulated: Simulate) -> None:
    absent, there = in_steps(simulated("  - {name: one, absent: [x/a]}\n  - {name: two}\n"))
    assert A not in absent.snapshot.world.pods
    assert A in there.snapshot.world.pods


def test_a_repeated_step_is_left_and_entered_again(simulated: Simulate) -> None:
    states = in_steps(simulated("  - {name: open}\n  - {name: closed, policies: [deny.yaml], repeat: 9}\n"))
    assert [len(state.snapshot.world.policies) for state in states] == [0, 1, 0, 1]


def test_the_agent_is_restarted_where_the_step_says_so(simulated: Simulate) -> None:
    states = simulated("  - {name: open}\n  - {name: restarted, restart: agent}\n")
    assert [state.restart for state in states if state.restart or state.is_step] == [False, True]
