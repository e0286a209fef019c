"""Changes of connectivity as SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0), for code scanning.

One result stands for each group of changes, at the rule or policy that decides.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from netpol_harness.analysis.changes.change import Effect
from netpol_harness.analysis.changes.groups import Group, groups
from netpol_harness.backends.facts import harness_version
from netpol_harness.escape import one_line
from netpol_harness.report.changes import StepChanges, group_summary

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_PLACE = re.compile(r"([^\s()]+\.(?:ya?ml|json)):(\d+)")
_MOST_RESULTS = 1000
_LEVELS = {
    Effect.OPENED: "error",
    Effect.CLOSED: "warning",
    Effect.NAME_LOST: "warning",
    Effect.NAME_FOUND: "note",
    Effect.UNCERTAIN: "warning",
}
_RULES = {
    Effect.OPENED: "Paths become reachable",
    Effect.CLOSED: "Paths stop being reachable",
    Effect.NAME_LOST: "Paths lose name resolution",
    Effect.NAME_FOUND: "Names resolve, and the paths are blocked",
    Effect.UNCERTAIN: "The API leaves the verdicts on paths open",
}


def as_sarif(steps: Sequence[StepChanges], place: Path) -> str:
    """Return a log with one run. ``place`` is the folder or file that places are relative to.

    GitHub takes locations that are relative to the top of the repository, so the command should run there.
    """
    driver = {
        "name": "netpol",
        "version": harness_version() or "0",
        "rules": [
            {"id": effect.value, "shortDescription": {"text": text}, "defaultConfiguration": {"level": _LEVELS[effect]}}
            for effect, text in _RULES.items()
        ],
    }
    results = [_result(step.step, group, place) for step in steps for group in groups(step.changes)][:_MOST_RESULTS]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=1) + "\n"


def _result(step: str, group: Group, place: Path) -> dict[str, object]:
    text = f"{group_summary(group)}. {'; '.join(group.reasons)} (step {step})"
    return {
        "ruleId": group.effect.value,
        "ruleIndex": list(_RULES).index(group.effect),
        "level": _LEVELS[group.effect],
        "message": {"text": one_line(text)},
        "locations": [next(_locations(group, place))],
        "relatedLocations": [{"id": number, **each} for number, each in enumerate(_locations(group, place), 1)],
        "partialFingerprints": {"netpolChange/v1": _fingerprint(step, group)},
    }


def _locations(group: Group, place: Path) -> Iterator[dict[str, object]]:
    """Yield the places that the reasons name, or else the files that are compared; those that exist come first."""
    named = dict.fromkeys(found.groups() for reason in group.reasons for found in _PLACE.finditer(reason))
    folder = place if place.is_dir() else place.parent
    for file, line in sorted(named, key=lambda each: not (folder / each[0]).exists()):
        yield _location(folder / file, int(line))
    if not named:
        yield _location(place, 1)


def _location(file: Path, line: int) -> dict[str, object]:
    artifact = {"uri": quote(os.path.relpath(file).replace(os.sep, "/"))}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}}}


def _fingerprint(step: str, group: Group) -> str:
    """Return what identifies a group: not lines, which move, and not its paths, which come and go with pods."""
    reasons = [_PLACE.sub(r"\1", reason) for reason in group.reasons]
    return sha256("\n".join([step, group.effect, *sorted(reasons)]).encode()).hexdigest()[:32]
