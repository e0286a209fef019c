"""The plugin's options: a new one is a constant here and a line in README.md; ``NAME.of(config)`` reads it.

The backends declare theirs themselves (``backends.options``).

Every run of pytest imports this module where the package is installed: what takes long to import, a reader imports.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from netpol_harness.backends.options import DeclaredOption
from netpol_harness.backends.registry import AUTO, BACKENDS, choices
from netpol_harness.plugin.option import Option, count, file, flag, folder, of_backend, one, seconds, words

_TITLE = "NetworkPolicy connectivity tests"


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


def _proofs() -> Iterable[str]:
    from netpol_harness.results.evidence import Proof

    return list(Proof)


CLUSTER = one(
    "cluster",
    "BACKEND",
    f"where scenarios run: {choices()} (default: {AUTO})",
    str,
    AUTO,
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
PROOF = one(
    "proof",
    "KIND",
    "what a denial must rest on, beside a listener that is alive: lift (default; the path opens while a policy admits "
    "everything), baseline (it was open earlier in the run, without policies) or listener (nothing more)",
    words(_proofs),
    "lift",
)
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

OF_BACKENDS: tuple[tuple[DeclaredOption, Option[Any]], ...] = tuple(
    (declared, of_backend(backend.name, declared)) for backend in BACKENDS for declared in backend.options
)

OPTIONS: tuple[Option[Any], ...] = (
    *(value for value in vars().values() if isinstance(value, Option)),
    *(option for _, option in OF_BACKENDS),
)
"""All of them, in the order of ``pytest --help``."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option under the name that nobody else has, and its key for the configuration file."""
    for option in OPTIONS:
        title = f"{_TITLE}: --netpol-cluster {option.backend}" if option.backend else _TITLE
        group = parser.getgroup(f"netpol-{option.backend or 'run'}", title)
        arguments: dict[str, Any] = dict(option.arguments)
        group.addoption(option.long, dest=option.key, default=None, help=option.help, **arguments)
        parser.addini(option.key, f"the same as {option.long}", option.ini, default=None, aliases=option.former_keys)


def check(config: pytest.Config) -> None:
    """Read every value once. Raises ``pytest.UsageError`` for one that is not valid."""
    for option in OPTIONS:
        option.of(config)
