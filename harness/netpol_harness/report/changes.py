"""Changes of connectivity as text, Markdown and JSON.

Text and Markdown tell the largest groups, and count the rest: 10,000 changed paths are a page.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

from netpol_harness.analysis.changes.change import Change, Effect
from netpol_harness.analysis.changes.groups import Block, Group, groups
from netpol_harness.analysis.changes.objects import ObjectChange
from netpol_harness.analysis.changes.reason import Named
from netpol_harness.escape import one_line
from netpol_harness.paths.outcome import Expected

if TYPE_CHECKING:
    from netpol_harness.report.replays import Replays

_MOST_GROUPS = 7
_MOST_OBJECTS = 4
_BLOCKS = 14
_FEWEST_BLOCKS = 2
"""The blocks of all groups together, and those of each at least."""
_MOST_NAMES = 6
_INDENT = "    "

_MOST_MARKDOWN = 65_000  # characters; a comment on GitHub has at most 65,536
_CUT = "\n... and more, which is too long for a comment; -o json lists every path\n"
_MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "`": "&#96;", "|": "\\|", "*": "\\*"})
"""Characters that would be markup, or would mention a user."""

_PLAIN_TARGET = re.compile(r"^(pod|service)\(([^()]+)\)(?=:)")

_MEANINGS = {
    Effect.OPENED: "become reachable",
    Effect.CLOSED: "stop being reachable",
    Effect.NAME_LOST: "lose name resolution",
    Effect.NAME_FOUND: "resolve the name, and are blocked",
    Effect.UNCERTAIN: "are left open by the API",
}


@dataclass(frozen=True, slots=True)
class StepChanges:
    """The changes of a step that are not accepted, and the number of those that are.

    ``compared`` paths exist on a side. ``unknown`` of them have no known verdict on either, so that they may have
    changed unseen. ``replays`` are what packets say about the changes; ``None`` if that was not asked. ``objects`` are
    those that the change adds, removes or alters.
    """

    step: str
    changes: tuple[Change, ...]
    accepted: int = 0
    compared: int = 0
    unknown: int = 0
    replays: "Replays | None" = None
    objects: tuple[ObjectChange, ...] = ()

    @property
    def summary(self) -> str:
        """The numbers, in one line."""
        counted = ((effect, sum(change.effect is effect for change in self.changes)) for effect in Effect)
        parts = [f"{count} {_MEANINGS[effect]}" for effect, count in counted if count]
        accepted = [f"{self.accepted} accepted"] if self.accepted else []
        unknown = f"; {self.unknown} of them undefined on both sides" if self.unknown else ""
        return f"{', '.join([*parts, *accepted]) or 'no path changes'} (of {self.compared}{unknown})"


def as_text(steps: Sequence[StepChanges], width: int | None) -> str:
    """Return a paragraph for each step: its groups, then the numbers."""
    return "\n\n".join("\n".join(_paragraph(step, width)) for step in steps) + "\n"


def as_markdown(steps: Sequence[StepChanges]) -> str:
    """Return a heading and a table for each step, to be put into a pull request."""
    return _fitted("\n\n".join("\n".join(_table(step)) for step in steps) + "\n")


def as_json(steps: Sequence[StepChanges]) -> str:
    """Return a list of steps, each with every changed path."""
    return json.dumps([_step(step) for step in steps], indent=1) + "\n"


def group_summary(group: Group) -> str:
    """Return the effect of a group and its largest blocks in one line."""
    return f"{_head(group)}: {'; '.join(_blocks(group, _BLOCKS))}"


def _paragraph(step: StepChanges, width: int | None) -> Iterator[str]:
    told = groups(step.changes, _MOST_GROUPS)
    yield _folded(f"step {step.step}: {step.summary}", width)
    if told:
        yield from (_folded(f"  {line}", width) for line in _objects(step))
    for group in told[:_MOST_GROUPS]:
        yield _folded(f"  {_head(group)}", width)
        yield from (_folded(f"{_INDENT}{one_line(reason)}", width) for reason in group.reasons)
        yield from (_folded(f"{_INDENT}{line}", width) for line in _blocks(group, len(told)))
    if rest := told[_MOST_GROUPS:]:
        yield f"  ... and {_rest(rest)}"
    if step.replays:
        yield from (_folded(f"  {line}", width) for line in step.replays.lines)


def _table(step: StepChanges) -> Iterator[str]:
    told = groups(step.changes, _MOST_GROUPS)
    yield f"### step {_cell(step.step)}\n\n{step.summary}"
    if told and step.objects:
        yield "\n" + "\n".join(f"- {_cell(line)}" for line in _objects(step))
    if told:
        yield "\n| effect | paths | decided by |\n| --- | --- | --- |"
    for group in told[:_MOST_GROUPS]:
        cells = (
            _head(group),
            "<br>".join(map(_code, _blocks(group, len(told)))),
            "<br>".join(map(_cell, group.reasons)),
        )
        yield f"| {' | '.join(cells)} |"
    if rest := told[_MOST_GROUPS:]:
        yield f"\n... and {_rest(rest)}"
    if step.replays:
        yield "\n" + "\n".join(f"- {_cell(line.strip())}" for line in step.replays.lines)


def _objects(step: StepChanges) -> Iterator[str]:
    """Yield the first of the changed objects, and the number of the others."""
    yield from (one_line(str(each)) for each in step.objects[:_MOST_OBJECTS])
    if rest := len(step.objects) - _MOST_OBJECTS:
        yield from [f"... and {rest} more objects changed"] if rest > 0 else []


def _step(step: StepChanges) -> dict[str, object]:
    return {
        "step": step.step,
        "compared": step.compared,
        "unknown": step.unknown,
        "accepted": step.accepted,
        "objects": [str(each) for each in step.objects],
        "changes": [_change(change) for change in step.changes],
        **({"proof": step.replays.as_json} if step.replays else {}),
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "effect": change.effect,
        "source": change.path.source_text,
        "target": change.path.target_text,
        "before": change.before,
        "after": change.after,
        "reasons": [str(reason) for reason in change.reasons],
        "places": [_named(name) for reason in change.reasons for name in reason.names if name.place],
    }


def _named(name: Named) -> dict[str, object]:
    """Return a policy or rule that a reason names, and the side whose file has it."""
    place = {"file": name.place.file, "line": name.place.line} if name.place else {}
    return {"name": name.without_place, **place, "side": "before" if name.is_past else "after"}


def _head(group: Group) -> str:
    paths = "1 path" if group.count == 1 else f"{group.count} paths"
    return f"{group.effect} ({_word(group.before)} -> {_word(group.after)}), {paths}"


def _word(verdict: Expected | None) -> str:
    return verdict or "absent"


def _blocks(group: Group, groups_told: int) -> Iterator[str]:
    """Yield the largest blocks as ``a, b -> c:80, d:80``, and the number of the others' paths."""
    ordered = sorted(group.blocks, key=_size, reverse=True)
    most = max(_FEWEST_BLOCKS, _BLOCKS // groups_told)
    yield from (f"{_listed(block.sources)} -> {_listed(_merged(block.targets))}" for block in ordered[:most])
    if rest := ordered[most:]:
        yield f"... and {sum(map(_size, rest))} more paths"


def _merged(targets: Sequence[str]) -> list[str]:
    """Return the targets, with a Service and the pod of its name and port as one: ``db:80``."""
    plain = [_PLAIN_TARGET.sub(r"\2", target) for target in targets]
    counts = Counter(plain)
    return [
        *dict.fromkeys(short if counts[short] > 1 else target for short, target in zip(plain, targets, strict=True))
    ]


def _size(block: Block) -> int:
    return len(block.sources) * len(block.targets)


def _rest(several: Iterable[Group]) -> str:
    counts = [group.count for group in several]
    return f"{len(counts)} more groups with {sum(counts)} paths; -o json lists every path"


def _listed(names: Sequence[str]) -> str:
    shown = [one_line(name) for name in names[:_MOST_NAMES]]
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*shown, *more])


def _folded(line: str, width: int | None) -> str:
    if width is None:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _cell(text: str) -> str:
    return one_line(text).translate(_MARKDOWN)


def _code(text: str) -> str:
    if text.startswith("..."):
        return _cell(text)
    return "`{}`".format(one_line(text).replace("`", "'").replace("|", "\\|"))


def _fitted(text: str) -> str:
    """Return the text, cut after a line if GitHub would refuse it as a comment."""
    if len(text) <= _MOST_MARKDOWN:
        return text
    kept = text[: _MOST_MARKDOWN - len(_CUT)]
    return kept[: kept.rfind("\n") + 1] + _CUT
