"""The metadata of a run: harness, backend, dataplane, network plugin, Kubernetes, nodes and kernel, canary."""

import platform
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from netpol_harness.backends.base import Cluster
from netpol_harness.backends.facts import Facts, gather, harness_version
from netpol_harness.errors import HarnessError
from netpol_harness.lab import Lab
from netpol_harness.runner.canary.watch import recorded_reports


def was_cluster_needed(lab: Lab) -> bool:
    """Return whether anything in this run has needed a cluster."""
    return lab.run_directory is not None and lab.run_directory.is_begun("cluster")


def facts_of(lab: Lab) -> Facts:
    """Return what the cluster's API reports about it, read once per run; empty without a cluster or an answer."""
    cluster = lab.known_cluster()
    if cluster is None or lab.run_directory is None:
        return Facts()
    return Facts.from_json(lab.run_directory.once("facts", lambda: _gather(cluster)))


def run_metadata(lab: Lab) -> dict[str, Any]:
    """Return the part of ``run.json`` about what was tested (``run.schema.json``). Reads the cluster once per run."""
    facts = asdict(facts_of(lab))
    outcome, detail = _canary(lab)
    return {
        "run": lab.run,
        "harness": {"version": harness_version(), "python": platform.python_version(), "pytest": version("pytest")},
        "cluster": {
            "backend": lab.choice.backend.name,
            "why": lab.choice.reason,
            "dataplane": lab.dataplane,
            "cni": facts["plugins"],
            "kubernetes": facts["kubernetes"],
            "nodes": facts["nodes"],
            "trouble": _cluster_error(lab),
        },
        "canary": {"outcome": outcome, "told": detail},
    }


def flat_metadata(metadata: dict[str, Any]) -> dict[str, str]:
    """Return the metadata as names and texts, as JUnit's properties of a suite are; without unknown ones."""
    cluster, nodes = metadata["cluster"], metadata["cluster"]["nodes"]
    flat = {
        "harness": metadata["harness"]["version"],
        "run": metadata["run"],
        "backend": cluster["backend"],
        "dataplane": cluster["dataplane"],
        "cni": ", ".join(plugin["name"] for plugin in cluster["cni"]),
        "cni_version": ", ".join(plugin["version"] for plugin in cluster["cni"]),
        "kubernetes": cluster["kubernetes"],
        "nodes": str(len(nodes)) if nodes else "",
        "kernel": ", ".join(sorted({node["kernel"] for node in nodes})),
        "os": ", ".join(sorted({node["os"] for node in nodes})),
        "canary": metadata["canary"]["outcome"],
    }
    return {f"netpol.{name}": text for name, text in flat.items() if text}


def _gather(cluster: Cluster) -> str:
    from netpol_harness.kube.client import Client  # takes 0.3 s to import
    from netpol_harness.kube.config import Access

    with suppress(HarnessError):
        return gather(Client(Access.from_kubeconfig(cluster.kubeconfig, cluster.context))).to_json()
    return Facts().to_json()


def _canary(lab: Lab) -> tuple[str, str]:
    """Return ``passed``, ``failed``, ``partial``, ``off`` or ``unknown``, and the canary's summary or error."""
    if not lab.settings.canary:
        return "off", ""
    try:
        reports = [*recorded_reports(lab.run_directory)] if lab.run_directory else []
    except HarnessError as error:
        return "failed", str(error)
    outcome = "partial" if any(report.problems for report in reports) else "passed"
    return (outcome, "; ".join(map(str, reports))) if reports else ("unknown", "")


def _cluster_error(lab: Lab) -> str:
    """Return why the cluster could not be created or reached; empty if it could."""
    try:
        if lab.run_directory:
            lab.run_directory.recorded("cluster")
    except HarnessError as error:
        return str(error)
    return ""
