"""The plugin's options: a new one is a constant here and a line in README.md; ``NAME.of(config)`` reads it.

Every run of pytest imports this module where the package is installed: what takes long to import, a reader imports.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from netpol_harness.plugin.option import (
    Option,
    Section,
    count,
    file,
    files_or_names,
    flag,
    folder,
    many,
    one,
    seconds,
    words,
)


def _profiles() -> Iterable[str]:
    from netpol_harness.oracle.profiles import PROFILES

    return PROFILES


def _tools() -> Iterable[str]:
    from netpol_harness.probe.toolbox import Tool

    return [tool.value for tool in Tool]


def _profile(text: str) -> str:
    from netpol_harness.paths.diagnostics import suggest

    if text not in (known := list(_profiles())):
        raise ValueError(f"there is no profile '{text}'; {suggest(text, known)}")
    return text


def _mapping(text: str) -> tuple[str, str]:
    logical, equals, real = text.rpartition("=")
    if not real or (equals and not logical):
        raise ValueError("it maps nothing; give NAME=GIVEN, or GIVEN for the namespace default")
    return logical or "default", real


CLUSTER = one(
    "cluster",
    "BACKEND",
    "where scenarios run: auto (default), kind, embedded, kubeconfig or kubeconfig:CONTEXT",
    str,
    "auto",
)
MUTANT = one(
    "mutant",
    "NAME",
    "give the embedded cluster's policy agent one documented bug of network plugins (docs/mutants.md)",
    str,
    "",
)
FIRST_FAILURE = flag(
    "first-failure",
    "once an item of a scenario has failed, skip what is left of the scenario, and go on with the next",
)
PROBE_TIMEOUT = one(
    "probe-timeout",
    "SECONDS",
    "one attempt at one path, name lookup included (default: the backend's; embedded 0.2)",
    seconds,
    None,
)
SETTLE_DEADLINE = one(
    "settle-deadline",
    "SECONDS",
    "time for a step's paths to become as expected (default: the backend's; embedded 1.5)",
    seconds,
    None,
)
PROBE_CONCURRENCY = one(
    "probe-concurrency",
    "N",
    "pods that are asked at the same time, one exec each (default: 32)",
    count,
    32,
)
PROBE_TOOL = one(
    "probe-tool",
    "TOOL",
    "probe with this program alone (default: curl for http:// paths, nc for the rest, else what a pod has)",
    words(_tools),
    None,
)
PROBE_IMAGE = one(
    "probe-image",
    "IMAGE",
    "image of the ephemeral container of pods without these programs (default: agnhost; none: no container)",
    str,
    "",
)
LITERAL_NAMESPACES = flag(
    "literal-namespaces",
    "use the namespaces' names as written, instead of mapping each to a name of this run's own",
)
DERIVE = flag(
    "derive",
    "take a folder of manifests that has no scenario.yaml as a scenario: its workloads with all of its policies; "
    "what the specification says of them is what is expected",
)
PROFILE = one(
    "profile",
    "NAME",
    "who decides what the API leaves open: specification (default), embedded, calico, cilium or kindnet. Where a "
    "path's word contradicts it the test warns; -W error::netpol_harness.errors.OracleDisagrees makes that a failure",
    _profile,
    "specification",
)
NO_CANARY = flag("no-canary", "do not find out first whether policies have effect")
REPORT_DIR = folder(
    "report-dir",
    "FOLDER",
    "write each step's truth table there, as text and as JSON, and after a failure the cluster's logs",
)
KNOWN = file(
    "known",
    "FILE",
    "known deviations of network plugins, a YAML list: these failures are expected; lines that no longer hold fail "
    "the run",
)

NAMESPACE = many(
    "namespace",
    "[NAME=]GIVEN",
    "put a scenario's namespace NAME (default: default) into GIVEN, which is there already; may be repeated",
    _mapping,
    Section.GIVEN,
)
PRODUCTION_PATTERN = many(
    "production-pattern",
    "REGEX",
    "contexts, clusters and servers that are refused, because they look like production; may be repeated",
    str,
    Section.GIVEN,
)
YES_REALLY = flag("yes-really", "use the cluster though it looks like production", Section.GIVEN)

CNI = one(
    "cni", "NAME|FILE", "network plugin of a kind cluster: a file of manifests/cni (calico)", str, "", Section.KIND
)
CNI_MANIFEST = file("cni-manifest", "FILE", "the plugin's manifest, instead of downloading it", Section.KIND)
NODES = one("nodes", "N", "nodes, control plane included (3)", count, None, Section.KIND)
IP_FAMILY = one(
    "ip-family",
    "FAMILY",
    "address family of pods and Services: ipv4 (default), ipv6 or dual",
    words(lambda: ("ipv4", "ipv6", "dual")),
    "",
    Section.KIND,
)
KUBE_IMAGE = one("kube-image", "IMAGE", "kind node image, with its digest (a pinned one)", str, "", Section.KIND)
LOAD_IMAGE = files_or_names(
    "load-image",
    "ARCHIVE|IMAGE",
    "load onto the nodes what they lack: a file made by `docker save`, or an image of the engine; may be repeated",
    Section.KIND,
)
IMAGE_PREFIX = one(
    "image-prefix",
    "PREFIX",
    "registry to put before the plugin's images: mirror.local:5000/",
    str,
    "",
    Section.KIND,
)
OFFLINE = flag("offline", "download nothing; take manifests from the cache alone", Section.KIND)
KEEP_CLUSTER = flag("keep-cluster", "leave the kind cluster there at the end, to look around", Section.KIND)
REUSE_CLUSTER = one("reuse-cluster", "NAME", "use a kind cluster that was kept, and keep it", str, "", Section.KIND)

OPTIONS: tuple[Option[Any], ...] = tuple(value for value in vars().values() if isinstance(value, Option))
"""All of them, in the order of ``pytest --help``."""

_FORMER = {PRODUCTION_PATTERN: ("netpol_production_patterns",)}
"""Keys of the configuration file that older versions had."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option under the name that nobody else has, and its key for the configuration file."""
    for option in OPTIONS:
        group = parser.getgroup(f"netpol-{option.section.name.lower()}", option.section.value)
        arguments: dict[str, Any] = dict(option.arguments)
        group.addoption(option.long, dest=option.key, default=None, help=option.help, **arguments)
        parser.addini(
            option.key, f"the same as {option.long}", option.ini, default=None, aliases=_FORMER.get(option, ())
        )


def check(config: pytest.Config) -> None:
    """Read every value once. Raises ``pytest.UsageError`` for one that is not valid."""
    for option in OPTIONS:
        option.of(config)
