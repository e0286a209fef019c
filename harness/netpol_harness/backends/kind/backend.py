"""kind as a backend: a cluster of containers with a CNI of the user's choice, created for a run and deleted after it.

Invariants: a cluster has its name before it is created, and is deleted by that name, whatever happens in between. Its
owner is part of its name (``runs.owner``), and of the label ``netpol-harness/run`` of its nodes. A kept cluster has a
name without an owner, so that it is not taken for a leftover.
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
from netpol_harness.backends.cni.manifests import ManifestOverrides, load_objects
from netpol_harness.backends.cni.patch import replace_registry
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
    recorded_cluster,
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
    """Creates kind clusters (``backends.base.Backend``).

    Raises ``ClusterFailed`` if the CNI's definition is not valid or lacks the IP family.
    """

    name = "kind"
    owns_cluster = True
    starts_early = False
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
        self.known_deviations = self._cni.known
        self._capabilities = capabilities_of(self._cni, options.ip_family, options.nodes)

    @cached_property
    def dataplane(self) -> str:
        """The CNI that will be installed; for a cluster to reuse, the installed one."""
        if not self._options.reuse_cluster:
            return f"{self._cni.title} on kind"
        with suppress(HarnessError, OSError), TemporaryDirectory(prefix="netpol-look-") as directory:
            return self._existing(Path(directory)).dataplane
        return f"that of the kind cluster {self._options.reuse_cluster}"

    def create(self, name: str, directory: Path) -> Cluster:
        """Create the cluster with its CNI and return once everything in it is ready; or return the cluster to reuse."""
        if self._options.reuse_cluster:
            return self._reuse(directory)
        warnings = self._check()
        if self._options.keep_cluster:
            name = f"{KEPT}{name[-6:]}"
        try:
            return self._create(name, directory)
        except ClusterFailed as error:
            warned = "".join(f"\n  earlier warning: {warning}" for warning in warnings)
            raise ClusterFailed(f"{error}{warned}") from error

    def delete(self, name: str, directory: Path | None = None) -> None:
        """Delete the cluster and its external hosts, unless it is kept; one that does not exist is success."""
        if self._is_kept:
            return
        if hosts := containers_of(self._engine, name):
            remove_containers(self._engine, hosts)
        self._kind.delete(name)

    def restart_agent(self, cluster: Cluster) -> None:
        """Restart the CNI's policy agent on every node."""
        restart_agent(cluster, self._cni)

    def failure(self, cluster: Cluster) -> str:
        """Return nothing: only the API could tell."""
        return ""

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Export the logs of the nodes."""
        self._kind.export_logs(cluster.name, into)

    def closing_note(self, cluster: Cluster) -> str:
        """Return how to use a kept cluster again."""
        return f"cluster kept; use it again with --reuse-cluster {cluster.name}" if self._is_kept else ""

    def leftovers(self) -> Sequence[Leftover]:
        """Return the clusters of dead runs; none if kind or its engine does not work."""
        if shutil.which("kind") is None:
            return ()
        with suppress(LabError):
            return tuple(
                Leftover(name, self.name, "a cluster") for name in self._kind.clusters() if _is_abandoned(name)
            )
        return ()

    def external_hosts(self, cluster: Cluster) -> KindHosts:
        """Return the hosts of one scenario, not yet started."""
        nodes = tuple(self._kind.nodes(cluster.name))
        prefix = self._options.image_prefix
        image = replace_registry(HOST_IMAGE, prefix) if prefix else HOST_IMAGE
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
        """Return the warnings about this host. Raises ``ClusterFailed`` with all obstacles."""
        issues = self._preflight.issues
        if issues.obstacles:
            raise ClusterFailed("\n".join(["kind cannot be used here:", *(f"  {issue}" for issue in issues.obstacles)]))
        warnings = [*issues.warnings, *_unsupported(self._cni.kubernetes, self._image.minor, self._cni.title)]
        for warning in warnings:
            self._progress(str(warning))
        return warnings

    def _create(self, name: str, directory: Path) -> Cluster:
        options = self._options
        objects = self._objects()
        config, kubeconfig = self._configure(directory), directory / "kubeconfig"
        self._ensure_image()
        deadline = Deadline(REMOTE.cluster)
        try:
            self._progress(f"creating cluster {name}: {options.nodes} nodes")
            self._kind.create(
                name,
                config=config,
                image=self._image.name,
                kubeconfig=kubeconfig,
                deadline=deadline,
                on_error_line=self._report_line,
            )
            self._load_images(name, directory)
            return self._provision(name, kubeconfig, objects, deadline)
        except (KeyboardInterrupt, Interrupted):
            self._abandon(name)  # a cancelled run has little time to end
            raise
        except BaseException:
            self._save_logs(name, directory)
            self._abandon(name)
            raise

    def _report_line(self, line: str) -> None:
        if text := line.strip():
            self._progress(f"kind: {text}")

    def _provision(self, name: str, kubeconfig: Path, objects: list[JsonObject], deadline: Deadline) -> Cluster:
        cluster = cluster_of(name, kubeconfig, self.dataplane, self._capabilities)
        nodes = self._options.nodes
        cluster = provision(cluster, self._cni, objects, nodes=nodes, deadline=deadline, progress=self._progress)
        if self._options.keep_cluster:
            self._progress(f"{name} is kept: --reuse-cluster {name}; `kind delete cluster --name {name}` deletes it")
        return cluster

    def _reuse(self, directory: Path) -> Cluster:
        """Return the cluster to reuse, with its images. A kept cluster that was never ready is finished."""
        existing = self._existing(directory)
        self._load_images(existing.name, directory)
        if not existing.name.startswith(KEPT) or is_provisioned(existing):
            return existing
        self._progress(f"finishing cluster {existing.name}: {self._cni.title}")
        nodes = len(self._kind.nodes(existing.name))
        capabilities = capabilities_of(self._cni, self._options.ip_family, nodes)
        cluster = cluster_of(existing.name, existing.kubeconfig, f"{self._cni.title} on kind", capabilities)
        deadline = Deadline(REMOTE.cluster)
        return provision(cluster, self._cni, self._objects(), nodes=nodes, deadline=deadline, progress=self._progress)

    def _objects(self) -> list[JsonObject]:
        """Return the objects of the CNI."""
        options = self._options
        supply = ManifestOverrides(options.cni_manifest, options.image_prefix, offline=options.offline)
        return load_objects(self._cni, supply, self._options.ip_family, self._progress)

    def _existing(self, directory: Path) -> Cluster:
        """Return the cluster to reuse, with what it recorded about itself when it was created."""
        name, kubeconfig = self._options.reuse_cluster, directory / "kubeconfig"
        text = self._kind.kubeconfig(name)
        kubeconfig.touch(0o600)
        kubeconfig.write_text(text)
        return recorded_cluster(name, kubeconfig)

    def _configure(self, directory: Path) -> Path:
        requirements = ClusterRequirements(
            nodes=self._options.nodes,
            family=self._options.ip_family,
            run=self._run,
            networking=self._cni.networking,
            cgroup=self._engine.cgroup,
            minor=self._image.minor,
        )
        config = directory / "kind-config.yaml"
        completed = complete(read_config(_SHIPPED / "kind-config.yaml"), requirements)
        config.write_text(yaml.safe_dump(completed, sort_keys=False))
        return config

    def _ensure_image(self) -> None:
        """Pull the node image before kind does: kind tries five times, and its error says less."""
        if self._preflight.has_image:
            return
        if self._preflight.image_obstacle:
            raise ClusterFailed(str(self._preflight.image_obstacle))
        self._progress(f"pulling {self._image.name.partition('@')[0]}")
        self._engine("pull", "--quiet", self._image.name, deadline=Deadline(_PULL_SECONDS)).or_fail(
            f"the node image {self._image.name} cannot be pulled",
            "pull it by hand, or choose another image with --kube-image",
        )

    def _load_images(self, name: str, directory: Path) -> None:
        """Load the images that nodes lack. An image of the engine is saved once for all nodes."""
        nodes = self._kind.nodes(name) if self._options.load_image else ()
        for source in self._options.load_image:
            archive = archive_of(self._engine, source, directory)
            if targets := lacking(self._engine, nodes, images_in(archive)):
                self._progress(f"loading {archive.name} into {len(targets)} nodes")
                self._kind.load(name, archive, targets)
            if archive != source:
                archive.unlink()

    def _save_logs(self, name: str, directory: Path) -> None:
        """Save the logs of a failed cluster. Its own errors are dropped: they must not hide the failure."""
        with suppress(LabError, OSError):
            (directory / LOGS).mkdir(exist_ok=True)
            self._kind.export_logs(name, directory / LOGS)

    def _abandon(self, name: str) -> None:
        """Delete a failed cluster, unless it is kept. Its own errors are dropped: they must not hide the failure."""
        with suppress(LabError):
            self.delete(name)


def _unsupported(supported: tuple[int, int] | None, minor: int | None, cni: str) -> list[HostIssue]:
    if supported is None or minor is None or supported[0] <= minor <= supported[1]:
        return []
    problem = f"{cni} supports Kubernetes 1.{supported[0]} to 1.{supported[1]}, and this is 1.{minor}"
    return [HostIssue(problem, "choose another image with --kube-image, or another --cni")]


def _is_abandoned(name: str) -> bool:
    return name.startswith(OWNED) and owner_state(name) is OwnerState.DEAD
