"""The lab of a run, made from the options."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.owner import Owner
from harness.cluster.provider import ClusterOptions
from harness.cluster.registry import Choice, choose
from harness.cluster.rundir import RunDirectory
from harness.errors import HarnessError
from harness.lab import Lab, Settings
from harness.model.oracle.points import Profile
from harness.model.oracle.profiles import PROFILES
from harness.plugin import options
from harness.plugin.option import Section
from harness.plugin.reports.files import REPORTS, ReportFiles
from harness.plugin.reports.results import RESULTS, Results
from harness.plugin.signals import closing
from harness.probe.toolbox import Tool

_LAB = pytest.StashKey[Lab]()


def lab_of(config: pytest.Config) -> Lab:
    """The run's lab. Its first use makes it; raises ``pytest.UsageError`` where the options do not fit together."""
    if (lab := config.stash.get(_LAB, None)) is None:
        lab = config.stash[_LAB] = _make(config)
        config.stash[REPORTS] = ReportFiles(lab.settings.report)
        if not hasattr(config, "workerinput"):
            config.stash[RESULTS] = Results()
            config.pluginmanager.register(config.stash[RESULTS])
        closing(config, lambda: _close(lab))
    return lab


def profile_of(config: pytest.Config) -> Profile:
    """Who decides what the API leaves open in this run."""
    return PROFILES[options.PROFILE.of(config)]


def told_workers(config: pytest.Config) -> dict[str, str]:
    """What a worker must know: it finds the same cluster, for the same reason, in the same folder."""
    lab, asked = lab_of(config), options.CLUSTER.of(config)
    return {
        "netpol_directory": str(lab.directory),
        "netpol_cluster": lab.choice.provider.name if asked == "auto" else asked,
        "netpol_why": lab.choice.why,
    }


def _make(config: pytest.Config) -> Lab:
    worker: Mapping[str, Any] = getattr(config, "workerinput", {})
    directory = Path(worker["netpol_directory"]) if worker else None
    run = RunDirectory(directory).run if directory else Owner.here().run
    tool = options.PROBE_TOOL.of(config)
    settings = Settings(
        probe_timeout=options.PROBE_TIMEOUT.of(config),
        settle_deadline=options.SETTLE_DEADLINE.of(config),
        concurrency=options.PROBE_CONCURRENCY.of(config),
        tool=Tool(tool) if tool else None,
        probe_image=options.PROBE_IMAGE.of(config),
        literal_namespaces=options.LITERAL_NAMESPACES.of(config),
        namespaces=options.NAMESPACE.of(config),
        canary=not options.NO_CANARY.of(config),
        keep=options.KEEP_CLUSTER.of(config) or bool(options.REUSE_CLUSTER.of(config)),
        report=options.REPORT_DIR.of(config),
    )
    return Lab(_choice(config, run, worker), settings, directory, run=run)


def _choice(config: pytest.Config, run: str, worker: Mapping[str, Any]) -> Choice:
    """The backend; a worker takes the one that its controller has chosen."""
    name = worker.get("netpol_cluster", options.CLUSTER.of(config))
    mutant = options.MUTANT.of(config)
    if mutant and name == "auto":
        name = "embedded"
    if mutant and name != "embedded":
        raise pytest.UsageError(f"--netpol-mutant: for --netpol-cluster embedded alone, and this is {name}")
    if options.NAMESPACE.of(config) and not name.startswith("kubeconfig"):
        raise pytest.UsageError(
            "--netpol-namespace: for --netpol-cluster kubeconfig alone; other clusters make namespaces freely"
        )
    kind_only = [option.long for option in options.OPTIONS if option.section is Section.KIND and option.typed(config)]
    try:
        choice = choose(name, _cluster_options(config, run), kind_only=kind_only, progress=RunDirectory.place(run).tell)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    return Choice(choice.provider, worker.get("netpol_why", choice.why))


def _cluster_options(config: pytest.Config, run: str) -> ClusterOptions:
    """What was said of the cluster; the backends have their own defaults for the rest."""
    said: dict[str, Any] = {
        "cni": options.CNI.of(config),
        "cni_manifest": options.CNI_MANIFEST.of(config),
        "nodes": options.NODES.of(config),
        "ip_family": options.IP_FAMILY.of(config),
    }
    return ClusterOptions(
        **{name: value for name, value in said.items() if value},
        kube_image=options.KUBE_IMAGE.of(config),
        image_prefix=options.IMAGE_PREFIX.of(config),
        load_images=options.LOAD_IMAGE.of(config),
        offline=options.OFFLINE.of(config),
        keep=options.KEEP_CLUSTER.of(config),
        reuse=options.REUSE_CLUSTER.of(config),
        run=run,
        mutant=options.MUTANT.of(config),
        production=options.PRODUCTION_PATTERN.of(config),
        yes_really=options.YES_REALLY.of(config),
        namespaces=options.NAMESPACE.of(config),
    )


def _close(lab: Lab) -> None:
    try:
        lab.close()
    except HarnessError as error:
        sys.stderr.write(f"netpol: {error}\n")
