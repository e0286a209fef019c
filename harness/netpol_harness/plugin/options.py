"""The plugin's options: a new one is a constant here and a line in README.md; ``NAME.of(config)`` returns its value.

The backends declare their own options (``backends.options``). Every run of pytest imports this module if the package is
installed, so modules that take long to import are imported by the parsers that need them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from netpol_harness.backends.options import DeclaredOption
from netpol_harness.backends.registry import AUTO, BACKENDS, choices
from netpol_harness.plugin.option import (
    Option,
    file_path,
    flag,
    of_backend,
    one_of,
    output_folder,
    positive_count,
    positive_seconds,
    single_value,
)

_TITLE = "NetworkPolicy connectivity tests"


def _profiles() -> Iterable[str]:
    from netpol_harness.oracle.profiles import PROFILES

    return PROFILES


def _tools() -> Iterable[str]:
    from netpol_harness.probe.plan.toolbox import Tool

    return [tool.value for tool in Tool]


def _profile(text: str) -> str:
    from netpol_harness.paths.diagnostics import suggest

    if text not in (known := list(_profiles())):
        raise ValueError(f"there is no profile '{text}'; {suggest(text, known)}")
    return text


def _proofs() -> Iterable[str]:
    from netpol_harness.results.proof import Proof

    return list(Proof)


CLUSTER = single_value(
    "cluster",
    "BACKEND",
    f"where scenarios run: {choices()} (default: {AUTO})",
    str,
    AUTO,
)
FIRST_FAILURE = flag(
    "first-failure",
    "skip the rest of a scenario once one of its items has failed, and go on with the next scenario",
)
PROBE_TIMEOUT = single_value(
    "probe-timeout",
    "SECONDS",
    "time-out of one probe, name lookup included (default: the backend's; embedded: 0.2)",
    positive_seconds,
    None,
)
SETTLE_DEADLINE = single_value(
    "settle-deadline",
    "SECONDS",
    "time for a step's paths to become as expected (default: the backend's; embedded: 1.5)",
    positive_seconds,
    None,
)
PROBE_CONCURRENCY = single_value(
    "probe-concurrency",
    "N",
    "number of pods that are probed from at the same time, one exec each (default: 32)",
    positive_count,
    32,
)
PROBE_TOOL = single_value(
    "probe-tool",
    "TOOL",
    "probe with this program only (default: curl for http:// paths, nc for others, else what the pod has)",
    one_of(_tools),
    None,
)
PROBE_IMAGE = single_value(
    "probe-image",
    "IMAGE",
    "image of the ephemeral container for pods without these programs (default: agnhost; none: no container)",
    str,
    "",
)
LITERAL_NAMESPACES = flag(
    "literal-namespaces",
    "use the names of namespaces as written, instead of mapping each to a unique name",
)
DERIVE = flag(
    "derive",
    "run a folder of manifests without a scenario.yaml, or one file, as a scenario: its workloads with all of its "
    "policies; the expectations are what the specification says about them",
)
PROFILE = single_value(
    "profile",
    "NAME",
    "implementation that decides what the API leaves open: specification (default), embedded, calico, cilium, "
    "kindnet or kube-network-policies. A test warns if it contradicts the author's verdict; "
    "-W error::netpol_harness.errors.OracleDisagrees makes that a failure",
    _profile,
    "specification",
)
NO_CANARY = flag("no-canary", "do not check first whether the cluster enforces policies")
PROOF = single_value(
    "proof",
    "KIND",
    "what a denial must rest on, beside a listener that is alive: lift (default; the path opens while a policy admits "
    "everything), baseline (it was open earlier in the run, without policies) or listener (nothing more)",
    one_of(_proofs),
    "lift",
)
REPORT_DIR = output_folder(
    "report-dir",
    "FOLDER",
    "write run.json, report.html, each step's truth table and, after a failure, the cluster's logs to this folder",
)
KNOWN = file_path(
    "known",
    "FILE",
    "YAML list of known deviations of network plugins: their failures are expected; outdated entries fail the run",
)


def _of_backends() -> Iterator[tuple[DeclaredOption, Option[Any]]]:
    """Yield each option of the backends. Several may have an option of one name, each with a default of its own."""
    declarations: dict[str, tuple[DeclaredOption, list[str]]] = {}
    for backend in BACKENDS:
        for declared in backend.options:
            declarations.setdefault(declared.name, (declared, []))[1].append(backend.name)
    for declared, owners in declarations.values():
        yield declared, of_backend(" or ".join(owners), declared)


OF_BACKENDS: tuple[tuple[DeclaredOption, Option[Any]], ...] = tuple(_of_backends())

OPTIONS: tuple[Option[Any], ...] = (
    *(value for value in vars().values() if isinstance(value, Option)),
    *(option for _, option in OF_BACKENDS),
)
"""All of them, in the order of ``pytest --help``."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option under its long name, and its key for the configuration file."""
    for option in OPTIONS:
        title = f"{_TITLE}: --netpol-cluster {option.backend}" if option.backend else _TITLE
        group = parser.getgroup(f"netpol-{option.backend or 'run'}", title)
        arguments: dict[str, Any] = dict(option.arguments)
        group.addoption(option.long, dest=option.key, default=None, help=option.help, **arguments)
        parser.addini(option.key, f"same as {option.long}", option.ini, default=None, aliases=option.former_keys)


def check(config: pytest.Config) -> None:
    """Check every value. Raises ``pytest.UsageError`` for one that is not valid."""
    for option in OPTIONS:
        option.of(config)
