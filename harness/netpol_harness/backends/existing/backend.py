"""An existing cluster as a backend: used, never owned.

Invariants: only objects with the label of a run of ours are changed (``runs.owner``). A context that looks like
production is refused before the first request, unless the user insists. Leftovers of a run are found by this label
alone, since no other record of them survives the run's owner.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from netpol_harness.backends.base import Capability, Cluster, ExternalHosts, Leftover, Progress, ignore, served
from netpol_harness.backends.existing.options import ExistingOptions
from netpol_harness.backends.facts import EMBEDDED_DATAPLANE, is_embedded, plugins
from netpol_harness.backends.runs.directory import PREFIX
from netpol_harness.backends.runs.owner import run_of
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.wait import wait_gone
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import ObjectKey
from netpol_harness.timeouts import EMBEDDED, REMOTE
from netpol_harness.wellknown import OWNER_ANNOTATION, RUN_LABEL

PRODUCTION = (r"(^|[^a-z0-9])(prod|production|prd|live)([^a-z0-9]|$)",)
"""Regular expressions for names of contexts, clusters and servers that look like production."""

_REQUEST_SECONDS = 10.0

_KINDS = (
    ("v1", "Namespace"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy"),
    ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
    ("projectcalico.org/v3", "GlobalNetworkPolicy"),
    ("projectcalico.org/v3", "NetworkPolicy"),
    ("cilium.io/v2", "CiliumNetworkPolicy"),
    ("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),
)
"""Kinds of labelled objects that may outlive a run, because no namespace of the run is deleted with them."""

_MOST_NAMES = 3  # in a summary of objects


class ExistingClusterBackend:
    """Uses the cluster of a context of the kubeconfig (``backends.base.Backend``).

    Raises ``ClusterFailed`` if there is no such context, or if it looks like production.
    """

    name = "kubeconfig"
    owns_cluster = False
    starts_early = False
    known_deviations: Path | None = None
    dataplane = "that of the cluster, which is asked when it is first needed"

    def __init__(self, options: ExistingOptions, progress: Progress = ignore, kubeconfig: Path | None = None) -> None:
        self.namespaces: Mapping[str, str] = dict(options.namespace)
        self._progress = progress
        self._kubeconfig = kubeconfig or _kubeconfig()
        self._access = Access.from_kubeconfig(self._kubeconfig, options.context)
        self.context, self._cluster = _names(self._kubeconfig, options.context)
        if not options.yes_really:
            self._refuse_production(options.production_pattern or PRODUCTION)

    def create(self, name: str, directory: Path) -> Cluster:
        """Return a description of the cluster; nothing is created. ``name`` contains the run's name, for ``delete``."""
        self._progress(f"looking at {self.context}")
        version = self._client.version()
        nodes = self._nodes()
        embedded = is_embedded(nodes)
        dataplane = EMBEDDED_DATAPLANE if embedded else f"{self._plugins()}, Kubernetes {version}"
        return Cluster(
            name=name,
            backend=self.name,
            dataplane=dataplane,
            kubeconfig=self._kubeconfig,
            timeouts=EMBEDDED if embedded else REMOTE,
            capabilities=frozenset(_capabilities(nodes, embedded=embedded)) | served(self._client.serves),
            context=self.context,
        )

    def delete(self, name: str, directory: Path | None = None) -> None:
        """Remove all objects with the label of a run, such as those of a killed worker. The cluster stays."""
        run = name.removeprefix(PREFIX)
        keys = [ObjectKey.of(data) for data in self._labelled(f"{RUN_LABEL}={run}")]
        for key in keys:
            self._client.delete(key, grace_seconds=0)
        if keys:
            timeouts = EMBEDDED if is_embedded(self._nodes()) else REMOTE
            self._progress(f"waiting until {len(keys)} objects of run {run} are gone")
            wait_gone(self._client, keys, deadline=Deadline(timeouts.ready), interval=timeouts.interval)

    def restart_agent(self, cluster: Cluster) -> None:
        """Raise ``ClusterFailed``: such a cluster never has the capability."""
        raise ClusterFailed("the policy agent of an existing cluster is not restarted")

    def failure(self, cluster: Cluster) -> str:
        """Return nothing: only the API could tell."""
        return ""

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Write the nodes, system pods and their events from the API, as far as the user may see them."""
        for api_version, kind, namespace in (
            ("v1", "Node", ""),
            ("v1", "Pod", "kube-system"),
            ("apps/v1", "DaemonSet", "kube-system"),
            ("v1", "Event", "kube-system"),
        ):
            with suppress(ApiError):
                objects = self._client.list(api_version, kind, namespace=namespace)
                (into / f"{kind.lower()}s.json").write_text(json.dumps(objects, indent=1))

    def closing_note(self, cluster: Cluster) -> str:
        """Return nothing: the cluster was not created for the run."""
        return ""

    def leftovers(self) -> Sequence[Leftover]:
        """Return the objects of all runs, dead or alive, as far as the user may see them."""
        by_run: dict[str, list[JsonObject]] = {}
        for data in self._labelled(RUN_LABEL):
            by_run.setdefault(run_of(data), []).append(data)
        return [_leftover(run, self.context, objects) for run, objects in sorted(by_run.items())]

    def external_hosts(self, cluster: Cluster) -> ExternalHosts | None:
        """Return ``None``: the harness creates no machines beside a cluster that it does not own."""
        return None

    def _refuse_production(self, patterns: Iterable[str]) -> None:
        names = {"context": self.context, "cluster": self._cluster, "server": self._access.address}
        for pattern in patterns:
            for role, name in names.items():
                if _matches(pattern, name):
                    raise ClusterFailed(
                        f"{role} {name!r} looks like production ({pattern}); choose another context with "
                        "--cluster kubeconfig:CONTEXT, change the patterns with --production-pattern, or pass "
                        "--yes-really"
                    )

    @cached_property
    def _client(self) -> Client:
        return Client(self._access, timeout=_REQUEST_SECONDS)

    def _nodes(self) -> list[JsonObject]:
        """Return the nodes; none if the user may not see them."""
        return self._visible("v1", "Node", "", "")

    def _plugins(self) -> str:
        """Return ``Calico (quay.io/calico/node:v3.32.2)``, as far as the plugins can be recognized."""
        known = plugins(lambda namespace: self._visible("apps/v1", "DaemonSet", namespace, ""))
        return " with ".join(map(str, known)) or "a dataplane whose DaemonSets are unknown"

    def _labelled(self, selector: str) -> Iterator[JsonObject]:
        for api_version, kind in _KINDS:
            if self._client.serves(api_version, kind):
                yield from self._visible(api_version, kind, "", selector)

    def _visible(self, api_version: str, kind: str, namespace: str, selector: str) -> list[JsonObject]:
        """Return the objects that the user may list: cluster-wide, or else in the namespaces of the options."""
        for namespaces in ([namespace], [] if namespace else self.namespaces.values()):
            with suppress(ApiError):
                return [
                    data
                    for name in namespaces
                    for data in self._client.list(api_version, kind, namespace=name, labels=selector)
                ]
        return []


def _kubeconfig() -> Path:
    return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")


def _names(kubeconfig: Path, context: str) -> tuple[str, str]:
    """Return the names of the context, which is the current one if empty, and of its cluster."""
    from kubernetes.config.kube_config import list_kube_config_contexts

    untyped: Any = list_kube_config_contexts
    entries, current = untyped(config_file=str(kubeconfig))
    entry = next((entry for entry in entries if entry["name"] == context), current)
    return str(entry["name"]), str((entry.get("context") or {}).get("cluster") or "")


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name, re.IGNORECASE) is not None
    except re.error as error:
        raise ClusterFailed(f"--production-pattern {pattern}: {error}; give a regular expression") from error


def _capabilities(nodes: Sequence[JsonObject], *, embedded: bool) -> Iterator[Capability]:
    if embedded:
        yield from (Capability.EXTERNAL_HOSTS, Capability.EXTERNAL_NAMES, Capability.CHOSEN_ADDRESSES)
    yield Capability.LOAD_BALANCERS  # whether a controller gives addresses shows only when it does
    ranges = [r for node in nodes for r in (node.get("spec") or {}).get("podCIDRs") or ()]
    if any("." in r for r in ranges) or not ranges:
        yield Capability.IPV4
    if any(":" in r for r in ranges):
        yield Capability.IPV6
    if len(nodes) > 1:
        yield Capability.TWO_NODES


def _leftover(run: str, place: str, objects: Sequence[JsonObject]) -> Leftover:
    annotation: Any = None
    with suppress(ValueError):
        annotation = json.loads((objects[0]["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION) or "{}")
    owner: Mapping[str, Any] = annotation if isinstance(annotation, dict) else {}
    description = _summary([ObjectKey.of(data) for data in objects])
    return Leftover(run, place, description, str(owner.get("host") or ""), _time(owner.get("since")))


def _summary(objects: Sequence[ObjectKey]) -> str:
    """Return ``Namespace a, Namespace b and 3 more``."""
    names = ", ".join(map(str, objects[:_MOST_NAMES]))
    return names if len(objects) <= _MOST_NAMES else f"{names} and {len(objects) - _MOST_NAMES} more"


def _time(text: Any) -> datetime | None:
    """Parse a time (RFC 3339); ``None`` if it is malformed or has no time zone."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else None
