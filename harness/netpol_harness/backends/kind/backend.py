"""kind as a backend: a cluster of containers with a CNI of the user's choice, made for a run and removed after it.

Invariants: a cluster is named before it is made, and removed by that name, whatever happened in between; whose it is
is in its name (``runs.owner``), and on its nodes as the label ``netpol-harness/run``. A kept cluster has a
name that belongs to no run, so that nobody takes it for a leftover.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import yaml

from netpol_harness.backends.base import LOGS, Cluster, Leftover, Progress, ignore
from netpol_harness.backends.cni.definition import load
from netpol_harness.backends.cni.gather import Supply, gather
from netpol_harness.backends.cni.patch import moved
from netpol_harness.backends.kind.archives import archive_of, images_in, lacking
from netpol_harness.backends.kind.command import KindCommand
from netpol_harness.backends.kind.config import ClusterRequirements, complete, read_config
from netpol_harness.backends.kind.engine import Engine
from netpol_harness.backends.kind.external_hosts import IMAGE as HOST_IMAGE
from netpol_harness.backends.kind.external_hosts import KindHosts, Site, containers_of, remove_containers, subnets_of
from netpol_harness.backends.kind.options import KindOptions
from netpol_harness.backends.kind.preflight import HostIssue, Preflight
from netpol_harness.backends.kind.provision import (
    capabilities_of,
    cluster_of,
    is_provisioned,
    provision,
    remembered,
    restart_agent,
)
from netpol_harness.backends.runs.owner import OwnerState, owner_state
from netpol_harness.deadline import Deadline, Interrupted
from netpol_harness.errors import ClusterFailed, HarnessError, LabError
from netpol_harness.model.json_object import JsonObject
from netpol_harness.timeouts import REMOTE

OWNED = "netpol-"
KEPT = "netpol-kept-"
_SHIPPED = Path(str(files("netpol_harness")))
_PULL_SECONDS = 600.0


class KindBackend:
    """Makes kind clusters (``backends.base.Backend``).

    Raises ``ClusterFailed`` where the options or the CNI's definition cannot be.
    """

    name = "kind"
    owns_cluster = True
    namespaces: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        options: KindOptions,
        *,
        run: str = "",
        progress: Progress = ignore,
        preflight: Preflight | None = None,
    ) -> None:
        self._options = options
        self._run = run
        self._progress = progress
        self._preflight = preflight or Preflight.of(options)
        self._image = self._preflight.image
        self._cni = load(options.cni, _SHIPPED / "manifests/cni")
        self._capabilities = capabilities_of(self._cni, options.ip_family, options.nodes)

    @cached_property
    def dataplane(self) -> str:
        """The CNI that will be installed; of a cluster to reuse, the one that is there."""
        if not self._options.reuse_cluster:
            return f"{self._cni.title} on kind"
        with suppress(HarnessError, OSError), TemporaryDirectory(prefix="netpol-look-") as directory:
            return self._reused(Path(directory)).dataplane
        return f"whatever the kind cluster {self._options.reuse_cluster} has"

    def create(self, name: str, directory: Path) -> Cluster:
        """Make the cluster with its CNI, and return once everything in it is ready; or take the one to reuse."""
        if self._options.reuse_cluster:
            return self._taken_over(directory)
        doubts = self._check()
        if self._options.keep_cluster:
            name = f"{KEPT}{name[-6:]}"
        try:
            return self._made(name, directory)
        except ClusterFailed as error:
            noticed = "".join(f"\n  noticed before: {doubt}" for doubt in doubts)
            raise ClusterFailed(f"{error}{noticed}") from error

    def delete(self, name: str, directory: Path | None = None) -> None:
        """Remove the cluster and the external hosts beside it, unless it is kept; one that is gone is success."""
        if self._is_kept:
            return
        if hosts := containers_of(self._engine, name):
            remove_containers(self._engine, hosts)
        self._kind.delete(name)

    def restart_agent(self, cluster: Cluster) -> None:
        """Restart the CNI's policy agent on every node."""
        restart_agent(cluster, self._cni)

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Copy the nodes' logs."""
        self._kind.export_logs(cluster.name, into)

    def closing_note(self, cluster: Cluster) -> str:
        """How to use a kept cluster again."""
        return f"cluster kept; use it again with --reuse-cluster {cluster.name}" if self._is_kept else ""

    def leftovers(self) -> Sequence[Leftover]:
        """The clusters of dead runs; none where kind or its engine does not work."""
        if shutil.which("kind") is None:
            return ()
        with suppress(LabError):
            return tuple(
                Leftover(name, self.name, "a cluster") for name in self._kind.clusters() if _is_abandoned(name)
            )
        return ()

    def external_hosts(self, cluster: Cluster) -> KindHosts:
        """Hosts for one scenario, not yet started."""
        nodes = tuple(self._kind.nodes(cluster.name))
        prefix = self._options.image_prefix
        image = moved(HOST_IMAGE, prefix) if prefix else HOST_IMAGE
        return KindHosts(Site(self._engine, cluster.name, nodes, subnets_of(self._engine, nodes), image))

    @property
    def _is_kept(self) -> bool:
        return self._options.keep_cluster or bool(self._options.reuse_cluster)

    @cached_property
    def _engine(self) -> Engine:
        return self._preflight.engine

    @cached_property
    def _kind(self) -> KindCommand:
        return KindCommand(self._engine)

    def _check(self) -> Sequence[HostIssue]:
        """The doubts about this host; obstacles are an error that lists them all."""
        found = self._preflight.findings
        if found.obstacles:
            raise ClusterFailed("\n".join(["kind cannot be used here:", *(f"  {one}" for one in found.obstacles)]))
        doubts = [*found.doubts, *_unsupported(self._cni.kubernetes, self._image.minor, self._cni.title)]
        for doubt in doubts:
            self._progress(str(doubt))
        return doubts

    def _made(self, name: str, directory: Path) -> Cluster:
        options = self._options
        objects = self._objects()
        config, kubeconfig = self._configure(directory), directory / "kubeconfig"
        self._ensure_image()
        deadline = Deadline(REMOTE.cluster)
        try:
            self._progress(f"making cluster {name}: {options.nodes} nodes")
            self._kind.create(
                name,
                config=config,
                image=self._image.name,
                kubeconfig=kubeconfig,
                deadline=deadline,
                on_error_line=self._heard,
            )
            self._load_images(name, directory)
            return self._furnished(name, kubeconfig, objects, deadline)
        except (KeyboardInterrupt, Interrupted):
            self._abandon(name)  # who cancels a run gives little time for it
            raise
        except BaseException:
            self._save_logs(name, directory)
            self._abandon(name)
            raise

    def _heard(self, line: str) -> None:
        if said := line.strip():
            self._progress(f"kind: {said}")

    def _furnished(self, name: str, kubeconfig: Path, objects: list[JsonObject], deadline: Deadline) -> Cluster:
        cluster = cluster_of(name, kubeconfig, self.dataplane, self._capabilities)
        nodes = self._options.nodes
        found = provision(cluster, self._cni, objects, nodes=nodes, deadline=deadline, progress=self._progress)
        if self._options.keep_cluster:
            self._progress(f"{name} is kept: --reuse-cluster {name}; `kind delete cluster --name {name}` removes it")
        return found

    def _taken_over(self, directory: Path) -> Cluster:
        """The cluster to reuse, with what it lacks. One of ours that was kept unfinished is finished."""
        found = self._reused(directory)
        self._load_images(found.name, directory)
        if not found.name.startswith(KEPT) or is_provisioned(found):
            return found
        self._progress(f"finishing cluster {found.name}: {self._cni.title}")
        nodes = len(self._kind.nodes(found.name))
        capabilities = capabilities_of(self._cni, self._options.ip_family, nodes)
        cluster = cluster_of(found.name, found.kubeconfig, f"{self._cni.title} on kind", capabilities)
        deadline = Deadline(REMOTE.cluster)
        return provision(cluster, self._cni, self._objects(), nodes=nodes, deadline=deadline, progress=self._progress)

    def _objects(self) -> list[JsonObject]:
        """What the CNI is made of."""
        options = self._options
        supply = Supply(options.cni_manifest, options.image_prefix, offline=options.offline)
        return gather(self._cni, supply, self._options.ip_family, self._progress)

    def _reused(self, directory: Path) -> Cluster:
        """The cluster to reuse, with what was written down in it when it was made."""
        name, kubeconfig = self._options.reuse_cluster, directory / "kubeconfig"
        text = self._kind.kubeconfig(name)
        kubeconfig.touch(0o600)
        kubeconfig.write_text(text)
        return remembered(name, kubeconfig)

    def _configure(self, directory: Path) -> Path:
        wanted = ClusterRequirements(
            nodes=self._options.nodes,
            family=self._options.ip_family,
            run=self._run,
            networking=self._cni.networking,
            cgroup=self._engine.cgroup,
            minor=self._image.minor,
        )
        config = directory / "kind-config.yaml"
        config.write_text(yaml.safe_dump(complete(read_config(_SHIPPED / "kind-config.yaml"), wanted), sort_keys=False))
        return config

    def _ensure_image(self) -> None:
        """Have the node image before kind looks for it: kind tries five times, and says less."""
        if self._preflight.has_image:
            return
        if self._preflight.image_obstacle:
            raise ClusterFailed(str(self._preflight.image_obstacle))
        self._progress(f"pulling {self._image.name.partition('@')[0]}")
        self._engine("pull", "--quiet", self._image.name, deadline=Deadline(_PULL_SECONDS)).or_fail(
            f"the node image {self._image.name} cannot be pulled", "pull it by hand, or name one with --kube-image"
        )

    def _load_images(self, name: str, directory: Path) -> None:
        """Load what the nodes lack. Images of the engine are saved once, whatever the number of nodes."""
        nodes = self._kind.nodes(name) if self._options.load_image else ()
        for wanted in self._options.load_image:
            archive = archive_of(self._engine, wanted, directory)
            if behind := lacking(self._engine, nodes, images_in(archive)):
                self._progress(f"loading {archive.name} into {len(behind)} nodes")
                self._kind.load(name, archive, behind)
            if archive != wanted:
                archive.unlink()

    def _save_logs(self, name: str, directory: Path) -> None:
        """Save the logs of what failed. Never hides the failure itself."""
        with suppress(LabError, OSError):
            (directory / LOGS).mkdir(exist_ok=True)
            self._kind.export_logs(name, directory / LOGS)

    def _abandon(self, name: str) -> None:
        """Remove what failed, unless it is to be kept. Never hides the failure itself."""
        with suppress(LabError):
            self.delete(name)


def _unsupported(supported: tuple[int, int] | None, minor: int | None, cni: str) -> list[HostIssue]:
    if supported is None or minor is None or supported[0] <= minor <= supported[1]:
        return []
    what = f"{cni} is made for Kubernetes 1.{supported[0]} to 1.{supported[1]}, and this is 1.{minor}"
    return [HostIssue(what, "name another image with --kube-image, or another --cni")]


def _is_abandoned(name: str) -> bool:
    return name.startswith(OWNED) and owner_state(name) is OwnerState.DEAD
