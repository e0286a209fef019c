"""The report of a shrunk scenario: Markdown that stands alone, for the maintainer of a network plugin."""

import platform
from collections.abc import Iterator

from netpol_harness.analysis.explain import explain_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.base import Cluster
from netpol_harness.backends.facts import harness_version
from netpol_harness.paths.outcome import Expected
from netpol_harness.report.message import PathContext, message_for
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import dump, scenario_data
from netpol_harness.reproduce.shrink.search import Shrunk

_API = {
    Expected.BLOCKED: (
        "NetworkPolicySpec: a pod that a policy selects is isolated in the direction of the policy. Traffic is allowed "
        "only if it matches at least one rule of a policy that selects the pod; a rule matches only if both its peers "
        "(`from`, `to`) and its `ports` do."
    ),
    Expected.ALLOWED: (
        "NetworkPolicySpec: traffic is allowed to a pod if no policy selects the pod in this direction, or if it "
        "matches at least one rule of any policy that does. Policies are additive."
    ),
    Expected.UNDEFINED: "The specification leaves this open. Another dataplane has this verdict.",
    Expected.UNRESOLVED: "A name resolves only if the policies of the source allow its look-up at the name server.",
}
"""What the API reference of networking.k8s.io/v1 says, by the verdict."""


def report_text(shrunk: Shrunk, cluster: Cluster, how: str, comparison: str = "") -> str:
    """Return report.md.

    ``how`` is the command line that runs the scenario on this dataplane, ``comparison`` what is known of the fault.
    """
    return "\n".join([*_lines(shrunk, cluster, how, comparison), ""])


def title_of(shrunk: Shrunk) -> str:
    """Return the fault in one line."""
    result = shrunk.observation.result
    assert result is not None
    if shrunk.observation.predicted is Expected.UNDEFINED:
        return f"{shrunk.draft.path} is {result.outcome}, and {shrunk.draft.expected} by another dataplane"
    return f"{shrunk.draft.path} is {result.wrong_outcome}, and should be {shrunk.draft.expected}"


def _lines(shrunk: Shrunk, cluster: Cluster, how: str, comparison: str) -> Iterator[str]:
    draft = shrunk.draft
    yield from (f"# {title_of(shrunk)}", "", *_table(cluster), "")
    yield from ("## Expected", "", f"`{draft.path}`: **{draft.expected}**.", "")
    if words := _API.get(shrunk.observation.predicted):
        yield from (words, "")
    yield from ("## Observed", "", "```text", *_message(shrunk, cluster).splitlines(), "```", "")
    if comparison:
        yield from ("## Known deviations", "", comparison, "")
    yield from _manifests(draft)
    yield from ("## Repeat it", "", "```console", f"$ {how}", "$ sh reproduce.sh    # needs kubectl only", "```")


def _table(cluster: Cluster) -> Iterator[str]:
    rows = {
        "dataplane": cluster.dataplane,
        "kernel": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "netpol": harness_version() or "unknown",
    }
    yield from ("| | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in rows.items())


def _message(shrunk: Shrunk, cluster: Cluster) -> str:
    """Return the failure's message, with the oracle's reasons."""
    scenario, result = shrunk.observation.scenario, shrunk.observation.result
    assert scenario is not None
    assert result is not None
    step = scenario.steps[-1]
    explanation = explain_path(
        Predictor(scenario, step, addresses=shrunk.observation.addresses), result.expectation.path
    )
    context = PathContext(
        "scenario.yaml", step.name, cluster.dataplane, cluster.kubeconfig, cluster.context, explanation
    )
    text = message_for(result, context).text
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("repeat", "evidence folder")))


def _manifests(draft: Draft) -> Iterator[str]:
    yield from ("## Objects", "", "```yaml", *"---\n".join(map(dump, draft.tree["workloads"])).splitlines(), "```", "")
    policies = [dump(data) for data in draft.tree["policies"].values()]
    if policies:
        yield from ("```yaml", *"---\n".join(policies).splitlines(), "```", "")
    if len(draft.tree["steps"]) > 1 or len(scenario_data(draft, "")["steps"][-1]) > 3:
        yield from ("## Steps", "", "```yaml", *dump(scenario_data(draft, "")["steps"]).splitlines(), "```", "")
