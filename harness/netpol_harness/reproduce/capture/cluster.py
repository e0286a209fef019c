"""Reads the objects of a cluster that a capture needs, with the right to view and no other.

What may not be read is a gap of the capture, which says the verb and the resource that are missing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.errors import ApiError, HarnessError
from netpol_harness.kube.client import Client
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.kinds import CLUSTER_NETWORK_POLICY, GroupKind, is_cluster_scoped, is_foreign_policy
from netpol_harness.model.names import ObjectKey
from netpol_harness.reproduce.capture.inputs import ClusterInput, Gap, checked

POLICY_GROUPS = frozenset(
    {
        "policy.networking.k8s.io",
        "projectcalico.org",
        "crd.projectcalico.org",
        "cilium.io",
        "crd.antrea.io",
        "k8s.ovn.org",
        "networking.k8s.aws",
        "security.istio.io",
        "policy.linkerd.io",
    }
)
"""API groups with policies about connections, beside ``networking.k8s.io``."""

_WITHOUT_POLICIES = "POLICIES ARE MISSING: verdicts are wrong"
_FORBIDDEN, _NOT_FOUND = 403, 404
_OVN_KINDS = frozenset({"EgressFirewall"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind to be read, and what a capture without it lacks."""

    api_version: str
    kind: str
    lacks: str
    is_policy: bool = False
    namespaced: bool = True


_PODS = _Kind("v1", "Pod", "there is nothing to capture")
_KINDS = (
    _Kind("v1", "Service", "paths to Services are missing"),
    _Kind("discovery.k8s.io/v1", "EndpointSlice", "Services without selectors lead nowhere"),
    _Kind("networking.k8s.io/v1", "NetworkPolicy", _WITHOUT_POLICIES, is_policy=True),
    _Kind("apps/v1", "ReplicaSet", "owners of pods are told by the pods' names"),
    _Kind("batch/v1", "Job", "Jobs of CronJobs keep the names of their Jobs"),
)


def read_cluster(
    client: Client, source: str, namespaces: Sequence[str] = (), progress: Callable[[str], None] = lambda _: None
) -> ClusterInput:
    """Read what decides connectivity in some namespaces, or in all. ``source`` names the cluster.

    Raises ``HarnessError`` if the pods may not be read or a namespace does not exist, ``ClusterFailed`` if the cluster
    cannot be reached.
    """
    reader = _Reader(client, namespaces, progress)
    objects = [*reader.namespaces(), *reader.pods(), *reader.others()]
    return ClusterInput(source, checked(objects, source), tuple(reader.gaps))


class _Reader:
    def __init__(self, client: Client, namespaces: Sequence[str], progress: Callable[[str], None]) -> None:
        self.gaps: list[Gap] = []
        self._client = client
        self._names = tuple(dict.fromkeys(namespaces))
        self._progress = progress

    def namespaces(self) -> list[JsonObject]:
        """Return all namespaces, or if they may not be listed, those that are named."""
        self._progress("reading namespaces")
        try:
            return self._client.list("v1", "Namespace")
        except ApiError as error:
            if error.code != _FORBIDDEN:
                raise
            self.gaps.append(Gap("Namespace", str(error), "labels of other namespaces are not known"))
        return [found for name in self._names if (found := self._namespace(name))]

    def pods(self) -> list[JsonObject]:
        """Return the pods. Raises ``HarnessError`` if they may not be listed."""
        try:
            return self._list(_PODS)
        except ApiError as error:
            if error.code == _FORBIDDEN and not self._names:
                raise HarnessError(f"{error}; or name the namespaces that you may read with -n") from error
            raise

    def others(self) -> Iterator[JsonObject]:
        """Yield the objects of all other kinds, as far as they may be read."""
        for kind in (*_KINDS, *self._foreign()):
            try:
                yield from self._list(kind)
            except ApiError as error:
                if error.code not in (_FORBIDDEN, _NOT_FOUND):
                    raise
                if error.code == _FORBIDDEN:
                    self.gaps.append(Gap(kind.kind, str(error), kind.lacks, kind.is_policy))

    def _namespace(self, name: str) -> JsonObject | None:
        try:
            return self._client.get(ObjectKey("v1", "Namespace", "", name))
        except ApiError as error:
            if error.code == _NOT_FOUND:
                raise HarnessError(f"there is no namespace '{name}'; see `kubectl get namespaces`") from error
            if error.code != _FORBIDDEN:
                raise
            return None

    def _foreign(self) -> Iterator[_Kind]:
        """Yield the kinds of policies of other APIs that the server has."""
        try:
            kinds = self._client.kinds(POLICY_GROUPS)
        except ApiError as error:
            if error.code != _FORBIDDEN:
                raise
            self.gaps.append(Gap("API groups", str(error), "POLICIES OF OTHER APIS MAY BE MISSING", is_policy=True))
            return
        groups = {version.rpartition("/")[0] for version, _ in kinds}
        for version, kind in kinds:
            named = GroupKind.in_version(version, kind)
            is_policy = named == CLUSTER_NETWORK_POLICY or is_foreign_policy(named) or kind in _OVN_KINDS
            is_double = named.group == "crd.projectcalico.org" and "projectcalico.org" in groups
            if is_policy and not is_double and not kind.startswith("Staged"):
                namespaced = not is_cluster_scoped(named)
                yield _Kind(version, kind, _WITHOUT_POLICIES, is_policy=True, namespaced=namespaced)

    def _list(self, kind: _Kind) -> list[JsonObject]:
        """List a kind in the whole cluster, or if this is forbidden, in the named namespaces."""
        self._progress(f"reading {kind.kind}")
        try:
            return self._client.list(kind.api_version, kind.kind)
        except ApiError as error:
            if error.code != _FORBIDDEN or not (self._names and kind.namespaced):
                raise
        return [data for name in self._names for data in self._client.list(kind.api_version, kind.kind, namespace=name)]
