"""The options of ``--cluster kind``, and whether kind can be used on this host."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from netpol_harness.backends.options import IP_FAMILY, NODES, BackendDescriptor, option
from netpol_harness.ip_family import IpFamily

if TYPE_CHECKING:
    from netpol_harness.backends.base import Backend, Progress
    from netpol_harness.backends.kind.preflight import Preflight


@dataclass(frozen=True, slots=True)
class KindOptions:
    """The cluster to create.

    ``cni`` is the name of a file in manifests/cni, or a path. ``nodes`` includes the control plane. ``kube_image`` has
    its digest; it is empty for the pinned one. ``load_image`` are archives, or names of the engine's images.
    ``image_prefix`` is put before the images of manifests. With ``offline``, manifests come from the cache only.
    ``reuse_cluster`` names a kept cluster.
    """

    cni: str = option(
        "network plugin of a kind cluster: a file of manifests/cni (calico)", metavar="NAME|FILE", default="calico"
    )
    cni_manifest: Path | None = option("the plugin's manifest, instead of downloading it", metavar="FILE", default=None)
    nodes: int = option(NODES, metavar="N", default=3)
    ip_family: IpFamily = option(IP_FAMILY, metavar="FAMILY", default=IpFamily.IPV4)
    kube_image: str = option("kind node image, with its digest (a pinned one)", metavar="IMAGE", default="")
    load_image: tuple[Path | str, ...] = option(
        "an image for the nodes that lack it: a file of `docker save`, or an image of the engine; may be repeated",
        metavar="ARCHIVE|IMAGE",
        default=(),
    )
    image_prefix: str = option(
        "registry to put before the plugin's images: mirror.local:5000/", metavar="PREFIX", default=""
    )
    offline: bool = option("download nothing; take manifests from the cache only", default=False)
    keep_cluster: bool = option("keep the kind cluster at the end of the run, to look around", default=False)
    reuse_cluster: str = option("use a kept kind cluster, and keep it", metavar="NAME", default="")


class KindFactory:
    """kind before it is chosen (``backends.options.BackendFactory``)."""

    def __init__(self, options: KindOptions) -> None:
        self._options = options

    def obstacle(self) -> str | None:
        """Return in one line why kind cannot be used here, or ``None``. May ask a registry for the node image."""
        issue = self._preflight.obstacle(with_image=not self._options.reuse_cluster)
        return str(issue) if issue else None

    def backend(self, run: str, progress: "Progress") -> "Backend":
        """Return the backend. Raises ``ClusterFailed`` if the CNI's definition is not valid or lacks the IP family."""
        from netpol_harness.backends.kind.backend import KindBackend

        return KindBackend(self._options, run=run, progress=progress, preflight=self._preflight)

    @cached_property
    def _preflight(self) -> "Preflight":
        from netpol_harness.backends.kind.preflight import Preflight

        return Preflight.of(self._options)


KIND_BACKEND = BackendDescriptor("kind", KindOptions, KindFactory, is_automatic=True)
