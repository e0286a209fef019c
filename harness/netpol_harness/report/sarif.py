"""Changes of connectivity as SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0), for code scanning.

One result stands for all changes of one effect that one rule or policy decides, at its line, in all steps: for GitHub,
results of one kind at one line are the same alert.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from netpol_harness.analysis.changes.change import Effect
from netpol_harness.analysis.changes.groups import Group, groups
from netpol_harness.analysis.changes.objects import Alteration
from netpol_harness.analysis.changes.reason import Named
from netpol_harness.escape import one_line
from netpol_harness.paths.diagnostics import Place
from netpol_harness.report.changes import StepChanges, group_summary
from netpol_harness.report.line_hash import line_hashes
from netpol_harness.scenario.listing import KUSTOMIZATIONS, manifests_below

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_MOST_RESULTS = 5000
"""GitHub shows no more of a run."""
_GRAVITY = ("error", "warning", "note")
"""The gravest first: where results are left out, they are the least."""
_MOST_RELATED = 20
_MOST_TOLD = 3
"""Groups of changes in one message."""
_LEVELS = {
    Effect.OPENED: "error",
    Effect.CLOSED: "warning",
    Effect.NAME_LOST: "warning",
    Effect.NAME_FOUND: "note",
    Effect.UNCERTAIN: "warning",
}
_RULES = {
    Effect.OPENED: ("Paths become reachable", "Connections that policies denied are allowed after this change."),
    Effect.CLOSED: ("Paths stop being reachable", "Connections that were possible are denied after this change."),
    Effect.NAME_LOST: ("Paths lose name resolution", "The source can no longer look up the name of the target."),
    Effect.NAME_FOUND: (
        "Names resolve, and the paths are blocked",
        "The source can look up the name of the target, but cannot connect to it.",
    ),
    Effect.UNCERTAIN: (
        "The API leaves the verdicts on paths open",
        "Implementations of the NetworkPolicy API may differ about these connections after this change.",
    ),
}
_HELP = "If the change is intended, accept it with a line EFFECT: SOURCE -> TARGET in the file of --accept."


@dataclass(frozen=True, slots=True)
class Sides:
    """Where the user has the files of both sides: a folder or a file each. Places are relative to them.

    A revision of git has its files where the working tree has them. ``applied`` are further files of the second side.
    """

    before: Path
    after: Path
    applied: tuple[Path, ...] = ()

    def file(self, place: Place, *, is_past: bool) -> Path:
        """Return the file of a place."""
        sides = (self.before,) if is_past else (*self.applied, self.after)
        files = [(side if side.is_dir() else side.parent) / place.file for side in sides]
        return next((file for file in files if file.is_file()), files[-1])

    @property
    def anything(self) -> Path:
        """A file of the second side, for what no rule or policy decides."""
        found = next(iter(manifests_below(self.after)), self.after) if self.after.is_dir() else self.after
        return next((file for name in KUSTOMIZATIONS if (file := found / name).is_file()), found)


def as_sarif(steps: Sequence[StepChanges], sides: Sides) -> str:
    """Return a log with one run.

    Locations are relative to the top of the repository, or to the working directory; elsewhere they are absolute.
    """
    from netpol_harness.backends.facts import harness_version  # imports what reads the metadata of packages

    driver = {"name": "netpol", "version": harness_version() or "0", "rules": [*map(_rule, Effect)]}
    found = _by_line(steps, sides)
    gravest_first = sorted(found.items(), key=lambda item: _GRAVITY.index(_LEVELS[item[0][0]]))
    texts = cache(_hashes)
    results = [_result(effect, members, texts) for (effect, _), members in gravest_first[:_MOST_RESULTS]]
    run: dict[str, object] = {"tool": {"driver": driver}, "results": results}
    if left_out := len(found) - len(results):
        run |= {"invocations": [_incomplete(left_out)]}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(effect: Effect) -> Mapping[str, object]:
    title, description = _RULES[effect]
    return {
        "id": effect.value,
        "name": "".join(map(str.capitalize, effect.value.split("-"))),
        "shortDescription": {"text": title},
        "fullDescription": {"text": description},
        "help": {"text": _HELP},
        "defaultConfiguration": {"level": _LEVELS[effect]},
    }


_Line = tuple[Path, int, int]
"""File, line and column."""
_Hashes = Callable[[Path], Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class _Located:
    step: str
    group: Group
    lines: Sequence[_Line]


def _by_line(
    steps: Sequence[StepChanges], sides: Sides
) -> Mapping[tuple[Effect, tuple[Path, int]], Sequence[_Located]]:
    found: dict[tuple[Effect, tuple[Path, int]], list[_Located]] = defaultdict(list)
    for step in steps:
        changed = [Named("", each.place, each.alteration is Alteration.REMOVED) for each in step.objects]
        for group in groups(step.changes):
            lines = _lines(group, changed, sides)
            found[group.effect, lines[0][:2]].append(_Located(step.step, group, lines))
    return found


def _result(effect: Effect, members: Sequence[_Located], hashes: _Hashes) -> dict[str, object]:
    lines = [*dict.fromkeys(line for member in members for line in member.lines)]
    told = [f"{group_summary(each.group)}. {'; '.join(each.group.reasons)}." for each in members[:_MOST_TOLD]]
    rest = sum(each.group.count for each in members[_MOST_TOLD:])
    steps = [*dict.fromkeys(each.step for each in members)]
    text = " ".join([*told, *([f"The same for {rest} more paths, by other rules."] if rest else [])])
    return {
        "ruleId": effect.value,
        "ruleIndex": [*Effect].index(effect),
        "level": _LEVELS[effect],
        "message": {"text": one_line(f"{text} ({'step' if len(steps) == 1 else 'steps'} {', '.join(steps)})")},
        "locations": [_location(lines[0])],
        "relatedLocations": [{"id": n, **_location(line)} for n, line in enumerate(lines[1:][:_MOST_RELATED], 1)],
        "partialFingerprints": _fingerprints(lines[0], _cause(steps, effect, [each.group for each in members]), hashes),
    }


def _lines(group: Group, changed: Sequence[Named], sides: Sides) -> Sequence[_Line]:
    """Return the lines of the rules and policies that decide, and of the changed objects; at least one line.

    Rules in files without a changed object come after the changed objects: GitHub shows in a pull request only what is
    in its changed lines.
    """
    files = {each.place.file for each in changed if each.place}
    named = sorted(group.names, key=lambda name: name.is_past)
    first = [name for name in named if name.place and name.place.file in files and not name.is_past]
    known = [line for name in (*first, *changed, *named) for line in _line_of(name, sides)]
    return tuple(dict.fromkeys(known)) or ((sides.anything, 1, 1),)


def _line_of(name: Named, sides: Sides) -> Iterator[_Line]:
    """Yield where a rule is: nothing if it is in no file, as from standard input or from kubectl kustomize."""
    if not name.place:
        return
    file, place = sides.file(name.place, is_past=name.is_past), name.place
    if not name.is_past:
        if file.is_file():
            yield file, place.line, place.column
    elif "(" not in place.file and not place.file.startswith("<"):
        last = len(file.read_bytes().splitlines()) if file.is_file() else place.line  # the file may have become shorter
        yield (file, place.line, place.column) if place.line <= last else (file, max(last, 1), 1)


def _uri(file: Path) -> str:
    absolute = file.absolute()
    relative = os.path.relpath(absolute, _top(absolute))
    return quote(relative) if Path(relative).parts[0] != os.pardir else absolute.resolve().as_uri()


def _top(file: Path) -> Path:
    return next((folder for folder in file.parents if (folder / ".git").exists()), Path.cwd())


def _location(line: _Line) -> dict[str, object]:
    file, number, column = line
    region = {"startLine": number, "startColumn": column, "endLine": number, "endColumn": column + 1}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}


def _fingerprints(line: _Line, cause: str, hashes: _Hashes) -> Mapping[str, str]:
    """Return the line's hash, and the cause, which stands for the hash of a line that is gone."""
    file, number, _ = line
    known = hashes(file) if file.is_file() else {}
    return {"primaryLocationLineHash": known.get(number, f"{cause}:1"), "netpolChange/v1": cause}


def _hashes(file: Path) -> Mapping[int, str]:
    return line_hashes(file.read_bytes().decode(errors="replace"))


def _cause(steps: Sequence[str], effect: Effect, members: Sequence[Group]) -> str:
    """Return what identifies a result: not lines, which move, and not its paths, which come and go with pods."""
    reasons = sorted({sentence for group in members for sentence in group.identity})
    return sha256("\n".join([*steps, effect, *reasons]).encode()).hexdigest()[:32]


def _incomplete(left_out: int) -> Mapping[str, object]:
    text = f"{left_out} more results are left out; netpol diff -o json lists every path"
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}],
    }
