"""Options of the plugin, and the lab that they describe."""

import argparse
import math
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
from harness.matrix.problem import suggest
from harness.model.oracle.points import Profile
from harness.model.oracle.profiles import PROFILES
from harness.plugin import first_failure
from harness.plugin.reports.files import REPORTS, ReportFiles
from harness.plugin.reports.results import RESULTS, Results
from harness.plugin.signals import closing
from harness.probe.toolbox import Tool

LAB = pytest.StashKey[Lab]()
PRODUCTION_INI = "netpol_production_patterns"

_KIND: dict[str, dict[str, Any]] = {
    "--cni": {"metavar": "NAME|FILE", "help": "network plugin of a kind cluster: a file of manifests/cni (calico)"},
    "--cni-manifest": {"metavar": "FILE", "type": Path, "help": "the plugin's manifest, instead of downloading it"},
    "--nodes": {"metavar": "N", "type": lambda text: _count(text), "help": "nodes, control plane included (3)"},
    "--ip-family": {"choices": ["ipv4", "ipv6", "dual"], "help": "address family of pods and Services (ipv4)"},
    "--kube-image": {"metavar": "IMAGE", "help": "kind node image, with its digest (a pinned one)"},
    "--load-image": {
        "metavar": "ARCHIVE",
        "type": Path,
        "action": "append",
        "help": "load images onto the nodes from a file made by `docker save`; may be repeated",
    },
    "--image-prefix": {"metavar": "PREFIX", "help": "registry to put before the plugin's images: mirror.local:5000/"},
    "--offline": {"action": "store_true", "help": "download nothing; take manifests from the cache alone"},
    "--keep-cluster": {"action": "store_true", "help": "leave the kind cluster there at the end, to look around"},
    "--reuse-cluster": {"metavar": "NAME", "help": "use a kind cluster that was kept, and keep it"},
}
"""Options that mean something to ``--cluster kind`` alone."""


def add_options(parser: pytest.Parser) -> None:
    """Two groups, each option with its default in the help."""
    group = parser.getgroup("netpol", "NetworkPolicy connectivity tests")
    group.addoption(
        "--cluster",
        metavar="BACKEND",
        default="auto",
        help="where scenarios run: auto (default), kind, embedded, kubeconfig or kubeconfig:CONTEXT",
    )
    group.addoption(
        "--mutant",
        metavar="NAME",
        default="",
        help="give the embedded cluster's policy agent one documented bug of network plugins (docs/mutants.md)",
    )
    group.addoption(
        "--first-failure",
        action="store_true",
        help="once an item of a scenario has failed, skip what is left of the scenario, and go on with the next",
    )
    _add_probing(group)
    _add_oracle(group)
    _add_given(group)
    group.addoption("--no-canary", action="store_true", help="do not find out first whether policies have effect")
    group.addoption(
        "--report-dir",
        metavar="FOLDER",
        type=Path,
        help="write each step's truth table there, as text and as JSON, and after a failure the cluster's logs",
    )
    kind = parser.getgroup("netpol-kind", "NetworkPolicy connectivity tests: --cluster kind")
    for name, settings in _KIND.items():
        kind.addoption(name, **settings)
    parser.addini(PRODUCTION_INI, "what --production-pattern says, one regular expression a line", type="linelist")


def _add_probing(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--probe-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="one attempt at one path, name lookup included (default: the backend's; embedded 0.2)",
    )
    group.addoption(
        "--settle-deadline",
        type=_seconds,
        metavar="SECONDS",
        help="time for a step's paths to become as expected (default: the backend's; embedded 1.5)",
    )
    group.addoption(
        "--probe-concurrency",
        type=_count,
        metavar="N",
        default=32,
        help="pods that are asked at the same time, one exec each (default: 32)",
    )
    group.addoption(
        "--probe-tool",
        choices=[tool.value for tool in Tool],
        help="probe with this program alone (default: curl for http:// paths, nc for the rest, else what a pod has)",
    )
    group.addoption(
        "--probe-image",
        metavar="IMAGE",
        default="",
        help="image of the ephemeral container of pods without these programs (default: agnhost; none: no container)",
    )
    group.addoption(
        "--literal-namespaces",
        action="store_true",
        help="use the namespaces' names as written, instead of mapping each to a name of this run's own",
    )


def _add_oracle(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--derive",
        action="store_true",
        help="take a folder of manifests that has no scenario.yaml as a scenario: its workloads with all of its "
        "policies; what the specification says of them is what is expected",
    )
    group.addoption(
        "--profile",
        metavar="NAME",
        type=_profile,
        default="specification",
        help=f"who decides what the API leaves open: {', '.join(PROFILES)} (default: specification). Where a path's "
        "word contradicts it the test warns; -W error::harness.errors.OracleDisagrees makes that a failure",
    )


def _add_given(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--namespace",
        metavar="[NAME=]GIVEN",
        type=_mapping,
        action="append",
        default=[],
        help="put a scenario's namespace NAME (default: default) into GIVEN, which is there already; may be repeated",
    )
    group.addoption(
        "--production-pattern",
        metavar="REGEX",
        action="append",
        help=f"contexts, clusters and servers that --cluster kubeconfig refuses; also ini {PRODUCTION_INI}",
    )
    group.addoption("--yes-really", action="store_true", help="use the cluster though it looks like production")


def configure(config: pytest.Config) -> None:
    """Make the lab of this run from the options; ``UsageError`` where they do not fit together."""
    worker: Mapping[str, Any] = getattr(config, "workerinput", {})
    directory = Path(worker["netpol_directory"]) if worker else None
    run = RunDirectory(directory).run if directory else Owner.here().run
    option = config.option
    settings = Settings(
        probe_timeout=option.probe_timeout,
        settle_deadline=option.settle_deadline,
        concurrency=option.probe_concurrency,
        tool=Tool(option.probe_tool) if option.probe_tool else None,
        probe_image=option.probe_image,
        literal_namespaces=option.literal_namespaces,
        namespaces=tuple(option.namespace),
        canary=not option.no_canary,
        keep=option.keep_cluster or bool(option.reuse_cluster),
        report=option.report_dir.absolute() if option.report_dir else None,
    )
    lab = Lab(_choice(config, run, worker), settings, directory, run=run)
    config.stash[LAB] = lab
    config.stash[REPORTS] = ReportFiles(settings.report)
    if not worker:
        config.stash[RESULTS] = Results()
        config.pluginmanager.register(config.stash[RESULTS])
    if option.first_failure:
        config.pluginmanager.register(first_failure)
    closing(config, lambda: _close(lab))


def profile_of(config: pytest.Config) -> Profile:
    """Who decides what the API leaves open in this run."""
    return PROFILES[config.option.profile]


def told_workers(config: pytest.Config) -> dict[str, str]:
    """What a worker must know: it finds the same cluster, for the same reason, in the same folder."""
    lab, asked = config.stash[LAB], config.option.cluster
    return {
        "netpol_directory": str(lab.directory),
        "netpol_cluster": lab.choice.provider.name if asked == "auto" else asked,
        "netpol_why": lab.choice.why,
    }


def _choice(config: pytest.Config, run: str, worker: Mapping[str, Any]) -> Choice:
    """The backend; a worker takes the one that its controller has chosen."""
    option = config.option
    given = [name for name in _KIND if getattr(option, _destination(name))]
    name = worker.get("netpol_cluster", option.cluster)
    if option.mutant and name == "auto":
        name = "embedded"
    if option.mutant and name != "embedded":
        raise pytest.UsageError(f"--mutant: for --cluster embedded alone, and this is --cluster {name}")
    if option.namespace and not name.startswith("kubeconfig"):
        raise pytest.UsageError("--namespace: for --cluster kubeconfig alone; other clusters make namespaces freely")
    try:
        choice = choose(name, _cluster_options(config, run), kind_only=given, progress=RunDirectory.place(run).tell)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    return Choice(choice.provider, worker.get("netpol_why", choice.why))


def _cluster_options(config: pytest.Config, run: str) -> ClusterOptions:
    option = config.option
    patterns = option.production_pattern or config.getini(PRODUCTION_INI)
    said = {
        "cni": option.cni,
        "cni_manifest": option.cni_manifest,
        "nodes": option.nodes,
        "ip_family": option.ip_family,
        "kube_image": option.kube_image,
        "image_prefix": option.image_prefix,
        "reuse": option.reuse_cluster,
        "mutant": option.mutant,
        "load_images": tuple(option.load_image or ()),
    }
    return ClusterOptions(
        **{name: value for name, value in said.items() if value},
        offline=option.offline,
        keep=option.keep_cluster,
        run=run,
        production=tuple(patterns),
        yes_really=option.yes_really,
        namespaces=tuple(option.namespace),
    )


def _close(lab: Lab) -> None:
    try:
        lab.close()
    except HarnessError as error:
        sys.stderr.write(f"netpol: {error}\n")


def _destination(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _profile(text: str) -> str:
    if text not in PROFILES:
        raise argparse.ArgumentTypeError(f"there is no profile '{text}'; {suggest(text, PROFILES)}")
    return text


def _mapping(text: str) -> tuple[str, str]:
    logical, equals, real = text.rpartition("=")
    if not real or (equals and not logical):
        raise argparse.ArgumentTypeError(f"{text} maps nothing; give NAME=GIVEN, or GIVEN for the namespace default")
    return logical or "default", real


def _seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds; give a number above 0, such as 0.5")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few; give 1 or more")
    return value
