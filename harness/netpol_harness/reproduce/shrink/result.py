"""The directory of a shrunk scenario: files that run with pytest, report.md and reproduce.sh."""

from pathlib import Path

from netpol_harness.backends.base import Cluster
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.reproduce.shrink.report import report_text, title_of
from netpol_harness.reproduce.shrink.script import NoScript, script
from netpol_harness.reproduce.shrink.search import Shrunk
from netpol_harness.scenario.load import load


def write_result(shrunk: Shrunk, cluster: Cluster, folder: Path, options: str, comparison: str = "") -> str:
    """Write everything; return why there is no reproduce.sh, empty if there is. Raises ``OSError``.

    ``options`` are those of pytest that choose the dataplane. ``comparison`` is what a comparison with known faults has
    shown, if there was one.
    """
    title = title_of(shrunk)
    scenario = load(write(shrunk.draft, folder, title))  # an interrupted search has observed an earlier draft
    text = script(shrunk.draft, scenario.steps[-1].expectations[0].path, title)
    reason = text.reason if isinstance(text, NoScript) else ""
    report = report_text(shrunk, cluster, f"pytest {folder.name} {options}".rstrip(), comparison)
    if isinstance(text, NoScript):
        report = report.replace("$ sh reproduce.sh    # needs kubectl only\n", "")
    else:
        (folder / "reproduce.sh").write_text(text, encoding="utf-8")
        (folder / "reproduce.sh").chmod(0o755)
    (folder / "report.md").write_text(report, encoding="utf-8")
    return reason
