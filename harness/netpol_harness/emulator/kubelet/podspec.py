"""What a Pod's spec and annotations ask of the kubelet. Pure.

The files of a pod are the real kubelet's: resolv.conf by ``dnsPolicy`` and ``dnsConfig``, hosts by ``hostAliases``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha1
from typing import Any

from netpol_harness.emulator.kubelet.addresses import AddressUnavailable
from netpol_harness.emulator.pod import is_external_host
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import Port, Protocol
from netpol_harness.wellknown import (
    CALICO_ADDRESSES_ANNOTATION,
    DEAD_PORTS_ANNOTATION,
    EXTERNAL_HOST_ANNOTATION,
    HIDE_TOOLS_ANNOTATION,
)

_HASH_LENGTH = 11


def hostname(pod: JsonMapping) -> str:
    """Return ``spec.hostname``, or else the pod's name, cut to the 63 characters of a DNS label."""
    name: str = pod["spec"].get("hostname") or pod["metadata"]["name"]
    return name[:63].rstrip("-.")


def labels(pod: JsonMapping) -> Mapping[str, str]:
    """Return the pod's labels."""
    return pod["metadata"].get("labels") or {}


def hidden_tools(pod: JsonMapping) -> tuple[str, ...]:
    """Return the names of programs that the annotation hides."""
    return tuple(name for name in _entries(pod, HIDE_TOOLS_ANNOTATION) if "/" not in name and name not in (".", ".."))


def dead_ports(pod: JsonMapping) -> frozenset[Port]:
    """Return the ports that the annotation closes. Entries that are not ports are ignored."""
    matches = (_PORT.fullmatch(entry) for entry in _entries(pod, DEAD_PORTS_ANNOTATION))
    return frozenset(Port(Protocol((m["protocol"] or "TCP").upper()), int(m["number"])) for m in matches if m)


def interface(pod: JsonMapping, prefix: str) -> str:
    """Return the name of the pod's interface on the node as Calico makes it: prefix and hash. Empty without a prefix.

    Source: `WorkloadEndpointIdentifiers` and `VethNameForWorkload` of projectcalico's `libcalico-go`. A host outside of
    the cluster has no such name: no agent may take it for a pod.
    """
    if not prefix or is_external_host(pod):
        return ""
    metadata = pod["metadata"]
    digest = sha1(f"{metadata['namespace']}.{metadata['name']}".encode(), usedforsecurity=False).hexdigest()
    return f"{prefix}{digest[:_HASH_LENGTH]}"


def requested_address(pod: JsonMapping) -> str:
    """Return the address that an external host requests; empty for any."""
    value = (pod["metadata"].get("annotations") or {}).get(EXTERNAL_HOST_ANNOTATION) or ""
    return str(value).strip()


def chosen_addresses(pod: JsonMapping) -> tuple[str, ...]:
    """Return the addresses that the pod's annotation chooses, at most one of each family; empty without one.

    Raises ``AddressUnavailable``.
    """
    text = (pod["metadata"].get("annotations") or {}).get(CALICO_ADDRESSES_ANNOTATION)
    if text is None:
        return ()
    with suppress(ValueError, TypeError):
        addresses = tuple(map(str, json.loads(text)))
        if addresses and len({":" in address for address in addresses}) == len(addresses):
            return addresses
    words = f"{CALICO_ADDRESSES_ANNOTATION} is not a JSON list of one address, or one of each family: {text!r}"
    raise AddressUnavailable(words)


def resolv_conf(pod: JsonMapping, cluster_dns: str) -> str:
    """Return the content of /etc/resolv.conf by ``dnsPolicy``. ``cluster_dns`` is the address of the name server.

    External hosts, and the policy ``Default``, get a name server that refuses at once.
    """
    config = pod["spec"].get("dnsConfig") or {}
    servers, searches, options = _by_policy(pod, cluster_dns)
    servers = [*servers, *(config.get("nameservers") or ())][:3] or ["127.0.0.1"]
    searches = [*searches, *(config.get("searches") or ())]
    options.update({o["name"]: o.get("value") or "" for o in config.get("options") or ()})
    lines = [f"nameserver {server}" for server in servers]
    lines += [f"search {' '.join(searches)}"] if searches else []
    lines += [f"options {' '.join(f'{n}:{v}' if v else n for n, v in options.items())}"] if options else []
    return "\n".join(lines) + "\n"


def hosts(pod: JsonMapping, addresses: Sequence[str]) -> str:
    """Return the content of /etc/hosts: the loopback, the pod itself, and its ``hostAliases``."""
    spec, namespace = pod["spec"], pod["metadata"].get("namespace", "default")
    own = hostname(pod)
    if spec.get("subdomain"):
        own = f"{own}.{spec['subdomain']}.{namespace}.svc.cluster.local\t{own}"
    aliases = [f"{alias['ip']}\t{' '.join(alias.get('hostnames') or ())}" for alias in spec.get("hostAliases") or ()]
    itself = [f"{address}\t{own}" for address in addresses]
    return "\n".join(["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost", *itself, *aliases]) + "\n"


def pre_stop(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the command of a container's ``preStop`` hook; empty without one. HTTP hooks are ignored."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if pause := hook.get("sleep"):
        return "sleep", str(pause["seconds"])
    return tuple((hook.get("exec") or {}).get("command") or ())


def init_containers(pod: JsonMapping) -> tuple[Mapping[str, Any], ...]:
    """Return the init containers that run once, in order; sidecars are not among them."""
    return tuple(c for c in pod["spec"].get("initContainers") or () if not is_sidecar(c))


def is_restarted(pod: JsonMapping, exit_code: int) -> bool:
    """Return whether a container that has ended is restarted, by the pod's ``restartPolicy``."""
    policy = pod["spec"].get("restartPolicy") or "Always"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Return whether a container of a pod's spec is a restartable init container."""
    return container.get("restartPolicy") == "Always"


def serving_containers(pod: JsonMapping) -> tuple[Mapping[str, Any], ...]:
    """Return the containers that keep running: all but the init containers that run once."""
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if is_sidecar(c)]
    return (*spec["containers"], *sidecars)


def find_container(pod: JsonMapping, name: str) -> Mapping[str, Any]:
    """Return the container of this name, of any kind; empty if there is none."""
    groups = ("containers", "initContainers", "ephemeralContainers")
    return next((c for group in groups for c in pod["spec"].get(group) or () if c["name"] == name), {})


def _by_policy(pod: JsonMapping, cluster_dns: str) -> tuple[list[str], list[str], dict[str, str]]:
    spec, namespace = pod["spec"], pod["metadata"].get("namespace", "default")
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    on_node = spec.get("hostNetwork") and policy == "ClusterFirst"
    if is_external_host(pod) or on_node or policy in ("Default", "None"):
        return [], [], {}
    searches = [f"{namespace}.svc.cluster.local", "svc.cluster.local", "cluster.local"]
    return [cluster_dns], searches, {"ndots": "5"}


def _entries(pod: JsonMapping, annotation: str) -> Sequence[str]:
    text: str = (pod["metadata"].get("annotations") or {}).get(annotation) or ""
    return tuple(_stripped(text.split(",")))


def _stripped(parts: Sequence[str]) -> Iterator[str]:
    return (part.strip() for part in parts if part.strip())


_PORT = re.compile(r"(?P<number>[1-9]\d{0,4})(?:/(?P<protocol>TCP|UDP|SCTP))?", re.IGNORECASE)
