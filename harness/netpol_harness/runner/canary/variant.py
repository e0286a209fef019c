"""The canary's scenario for the traffic of a run. Its files list paths over TCP; every other one follows from them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.paths.ends import AddressTarget, PodTarget
from netpol_harness.paths.path import Expectation, Scheme
from netpol_harness.runner.canary.traffic import PLAIN, Traffic
from netpol_harness.scenario.scenario import Manifest, Scenario

PORTS = {Protocol.TCP: 8080, Protocol.UDP: 8081, Protocol.SCTP: 8082}
"""The ports that the canary's pods serve."""

_OPTION_OF_SCTP = f"--sctp-port={PORTS[Protocol.SCTP]}"
"""A kernel without SCTP ends the server that has this option."""


def with_protocols(scenario: Scenario, protocols: Collection[Protocol]) -> Scenario:
    """Return the scenario without the ports of other protocols, in its pods and in its policies."""
    return replace(
        scenario,
        workloads=tuple(_narrowed(manifest, protocols) for manifest in scenario.workloads),
        steps=tuple(
            replace(step, policies=tuple(_narrowed(policy, protocols) for policy in step.policies))
            for step in scenario.steps
        ),
    )


def with_image(scenario: Scenario, image: str) -> Scenario:
    """Return the scenario with another image in its pods, which must understand the arguments of agnhost."""
    return replace(scenario, workloads=tuple(_with_image(manifest, image) for manifest in scenario.workloads))


def _with_image(manifest: Manifest, image: str) -> Manifest:
    spec = manifest.data["spec"]
    containers = [{**container, "image": image} for container in spec["containers"]]
    return replace(manifest, data={**manifest.data, "spec": {**spec, "containers": containers}})


def variant(
    expectation: Expectation, traffic: Traffic, addresses: Callable[[NamespacedName], Sequence[str]]
) -> Expectation | None:
    """Return the same expectation of a path for other traffic; ``None`` if the target has no such address.

    ``addresses`` are those of a pod.
    """
    path, number = expectation.path, PORTS[traffic.protocol]
    if traffic == PLAIN or not isinstance(path.target, PodTarget):
        return expectation
    target: PodTarget | AddressTarget = PodTarget(path.target.ref, number)
    if traffic.family:
        version = ":" if traffic.family == 6 else "."
        address = next((address for address in addresses(path.target.ref) if version in address), "")
        if not address:
            return None
        target = AddressTarget(address, number)
    text = f"{traffic.protocol.lower()}://{path.target.ref.name}:{number}"
    text += f" over IPv{traffic.family}" if traffic.family else ""
    scheme = Scheme(traffic.protocol.lower())
    return replace(expectation, path=replace(path, scheme=scheme, target=target, target_text=text))


def _narrowed(manifest: Manifest, protocols: Collection[Protocol]) -> Manifest:
    data: Mapping[str, Any] = _without_other_ports(manifest.data, protocols)
    return replace(manifest, data=data)


def _without_other_ports(value: Any, protocols: Collection[Protocol]) -> Any:
    """Return plain data without the ports of other protocols, wherever it lists ``ports``, and without their option."""
    if isinstance(value, Mapping):
        return {key: _without_other_ports(item, protocols) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    return [_without_other_ports(item, protocols) for item in value if _is_kept(item, protocols)]


def _is_kept(item: Any, protocols: Collection[Protocol]) -> bool:
    if item == _OPTION_OF_SCTP:
        return Protocol.SCTP in protocols
    is_port = isinstance(item, Mapping) and item.keys() & {"containerPort", "port"}
    return not is_port or item.get("protocol", "TCP") in protocols
