"""A cluster that is there already, by kubeconfig: used, never owned.

Invariants: nothing is touched but what carries the label of a run of ours (``runs.owner``); a context that
looks like production is refused before the first request, unless the user insists; what a run leaves behind can be
found by its label alone, by whoever comes later, since no other record of it survives its owner.
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

from netpol_harness.backends.base import (
    Capability,
    Cluster,
    ExternalHosts,
    Leftover,
    Progress,
    ignore,
    served,
)
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
"""What production looks like, in the name of a context, of its cluster, or of its server."""

_PATIENCE = 10.0  # seconds for a request that only looks around

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
"""Kinds that carry a run's label where no namespace of the run takes them along."""

_NAMED = 3  # objects of a run that are named one by one


class ExistingClusterBackend:
    """Finds the cluster of a kubeconfig's context (``backends.base.Backend``).

    Raises ``ClusterFailed`` where there is no such context, or where it looks like production.
    """

    name = "kubeconfig"
    owns_cluster = False
    dataplane = "whatever the cluster has; it is asked when it is first needed"

    def __init__(self, options: ExistingOptions, progress: Progress = ignore) -> None:
        self.namespaces: Mapping[str, str] = dict(options.namespace)
        self._progress = progress
        self._kubeconfig = _kubeconfig()
        self._access = Access.from_kubeconfig(self._kubeconfig, options.context)
        self.context, self._cluster = _names(self._kubeconfig, options.context)
        if not options.yes_really:
            self._refuse_production(options.production_pattern or PRODUCTION)

    def create(self, name: str, directory: Path) -> Cluster:
        """Look at the cluster; nothing is made. ``name`` carries the run's, by which ``delete`` knows what is ours."""
        self._progress(f"looking at {self.context}")
        version = self._client.version()
        nodes = self._nodes()
        embedded = is_embedded(nodes)
        dataplane = EMBEDDED_DATAPLANE if embedded else f"{self._told_by_daemons()}, Kubernetes {version}"
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
        """Remove everything that carries the label of a run, such as objects of a killed worker. The cluster stays."""
        run = name.removeprefix(PREFIX)
        keys = [ObjectKey.of(data) for data in self._marked(f"{RUN_LABEL}={run}")]
        for key in keys:
            self._client.delete(key, grace_seconds=0)
        if keys:
            timeouts = EMBEDDED if is_embedded(self._nodes()) else REMOTE
            self._progress(f"waiting until {len(keys)} objects of run {run} are gone")
            wait_gone(self._client, keys, deadline=Deadline(timeouts.ready), interval=timeouts.interval)

    def restart_agent(self, cluster: Cluster) -> None:
        """Not ours to restart: such a cluster never has the capability."""
        raise ClusterFailed("the policy agent of a given cluster is not ours to restart")

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """What the API tells of nodes, system pods and their troubles, as far as the user may know."""
        for api_version, kind, namespace in (
            ("v1", "Node", ""),
            ("v1", "Pod", "kube-system"),
            ("apps/v1", "DaemonSet", "kube-system"),
            ("v1", "Event", "kube-system"),
        ):
            with suppress(ApiError):
                found = self._client.list(api_version, kind, namespace=namespace)
                (into / f"{kind.lower()}s.json").write_text(json.dumps(found, indent=1))

    def closing_note(self, cluster: Cluster) -> str:
        """Nothing: the cluster was not made for the run."""
        return ""

    def leftovers(self) -> Sequence[Leftover]:
        """What runs of ours, dead or alive, have there as far as the user may know."""
        found: dict[str, list[JsonObject]] = {}
        for data in self._marked(RUN_LABEL):
            found.setdefault(run_of(data), []).append(data)
        return [_leftover(run, self.context, objects) for run, objects in sorted(found.items())]

    def external_hosts(self, cluster: Cluster) -> ExternalHosts | None:
        """``None``: machines beside somebody else's cluster are not ours to make."""
        return None

    def _refuse_production(self, patterns: Iterable[str]) -> None:
        names = {"context": self.context, "cluster": self._cluster, "server": self._access.address}
        for pattern in patterns:
            for what, name in names.items():
                if _matches(pattern, name):
                    raise ClusterFailed(
                        f"{what} {name!r} looks like production ({pattern}), where nothing should be tried out; name "
                        "another one with --cluster kubeconfig:CONTEXT, or insist with --yes-really (the patterns: "
                        "--production-pattern)"
                    )

    @cached_property
    def _client(self) -> Client:
        return Client(self._access, timeout=_PATIENCE)

    def _nodes(self) -> list[JsonObject]:
        """The nodes; none where the user may not see them."""
        return self._visible("v1", "Node", "", "")

    def _told_by_daemons(self) -> str:
        """``Calico (quay.io/calico/node:v3.32.2)``, as far as it can be told."""
        found = plugins(lambda namespace: self._visible("apps/v1", "DaemonSet", namespace, ""))
        return " with ".join(map(str, found)) or "a dataplane that cannot be told from its DaemonSets"

    def _marked(self, selector: str) -> Iterator[JsonObject]:
        for api_version, kind in _KINDS:
            if self._client.serves(api_version, kind):
                yield from self._visible(api_version, kind, "", selector)

    def _visible(self, api_version: str, kind: str, namespace: str, selector: str) -> list[JsonObject]:
        """The objects that the user may see: everywhere, else in the namespaces that were given."""
        for places in ([namespace], [] if namespace else self.namespaces.values()):
            with suppress(ApiError):
                return [
                    data
                    for place in places
                    for data in self._client.list(api_version, kind, namespace=place, labels=selector)
                ]
        return []


def _kubeconfig() -> Path:
    return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")


def _names(kubeconfig: Path, context: str) -> tuple[str, str]:
    """The names of the context (the current one where empty) and of its cluster."""
    from kubernetes.config.kube_config import list_kube_config_contexts

    untyped: Any = list_kube_config_contexts
    known, current = untyped(config_file=str(kubeconfig))
    chosen = next((entry for entry in known if entry["name"] == context), current)
    return str(chosen["name"]), str((chosen.get("context") or {}).get("cluster") or "")


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name, re.IGNORECASE) is not None
    except re.error as error:
        raise ClusterFailed(f"--production-pattern {pattern}: {error}; give a regular expression") from error


def _capabilities(nodes: Sequence[JsonObject], *, embedded: bool) -> Iterator[Capability]:
    if embedded:
        yield from (Capability.EXTERNAL_HOSTS, Capability.CHOSEN_ADDRESSES)
    ranges = [r for node in nodes for r in (node.get("spec") or {}).get("podCIDRs") or ()]
    if any(":" in r for r in ranges):
        yield Capability.IPV6
    if len(nodes) > 1:
        yield Capability.TWO_NODES


def _leftover(run: str, place: str, objects: Sequence[JsonObject]) -> Leftover:
    told: Any = None
    with suppress(ValueError):
        told = json.loads((objects[0]["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION) or "{}")
    said: Mapping[str, Any] = told if isinstance(told, dict) else {}
    what = _summary([ObjectKey.of(data) for data in objects])
    return Leftover(run, place, what, str(said.get("host") or ""), _moment(said.get("since")))


def _summary(objects: Sequence[ObjectKey]) -> str:
    """``Namespace a, Namespace b and 3 more``."""
    named = ", ".join(map(str, objects[:_NAMED]))
    return named if len(objects) <= _NAMED else f"{named} and {len(objects) - _NAMED} more"


def _moment(text: Any) -> datetime | None:
    """A point in time; ``None`` where it is none, or of no known time zone."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
