"""The trials of a campaign in a file, so that a campaign can be run in several turns.

A line is a trial that ended, as JSON, with the digest of the files that its result depends on: the harness, and all
scenarios of the campaign. A line with another digest does not count, so that all results in use are of one version. A
trial that broke is not recorded, and neither is an ERROR without a mutant: the next turn runs them again.
"""

import json
import platform
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from netpol_harness.emulator.faults.mutant import Shape
from netpol_harness.errors import HarnessError
from netpol_harness.mutation.trials import Kill, Trial

_PACKAGE = Path(__file__).parents[1]


class TrialRecord:
    """The recorded trials of one version. Threads may share it.

    Raises ``HarnessError`` if the file is not such a record, ``OSError`` if it cannot be read or written.
    """

    def __init__(self, file: Path, roots: Sequence[Path]) -> None:
        self._file, self._digest, self._lock = file, digest(roots), Lock()
        self._turn = datetime.now(UTC).isoformat(timespec="seconds")
        lines = [line for line in _lines(file) if line["digest"] == self._digest]
        self._trials = {line["key"]: _read(line["trial"]) for line in lines}
        self._turns = {line["turn"] for line in lines}

    def run(self, scenarios: Sequence[Path], shape: Shape, mutant: str, trial: Callable[[], Trial]) -> Trial:
        """Return the recorded trial of a mutant, these scenarios and this shape; otherwise run and record it.

        No scenarios stand for a trial that ends with the first kill.
        """
        key = "|".join((mutant, str(shape), *sorted(map(str, scenarios))))
        with self._lock:
            known = self._trials.get(key)
        if known is not None:
            return known
        result = trial()
        if not result.broken and (mutant or not result.errors):
            self._add(key, result)
        return result

    @property
    def turns(self) -> Set[str]:
        """The times at which the commands began that have run the recorded trials, in ISO 8601."""
        return self._turns

    @property
    def count(self) -> int:
        """The number of recorded trials."""
        return len(self._trials)

    def _add(self, key: str, trial: Trial) -> None:
        line = {"turn": self._turn, "digest": self._digest, "key": key, "trial": _written(trial)}
        with self._lock, self._file.open("a") as out:
            out.write(json.dumps(line) + "\n")
            self._trials[key] = trial
            self._turns.add(self._turn)


def digest(roots: Iterable[Path]) -> str:
    """Return a digest of the harness, all files below these directories, and the versions of Python and the kernel."""
    total = sha256(f"{platform.python_version()} {platform.release()}".encode())
    for root in (_PACKAGE, *roots):
        for file in sorted(root.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                total.update(file.relative_to(root).as_posix().encode() + b"\0" + sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _lines(file: Path) -> Sequence[dict[str, Any]]:
    """Return the lines of the file, which exists afterwards; the last one may be cut off by the end of its writer."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.open("a").close()
    *whole, cut = file.read_text().split("\n")
    if cut:
        file.write_text("".join(f"{line}\n" for line in whole))
    try:
        lines = [json.loads(line) for line in whole]
        return [line for line in lines if line["key"] and line["turn"] and line["digest"]]
    except (ValueError, TypeError, KeyError) as problem:
        raise HarnessError(f"{file} is not a record of trials of 'netpol mutants'; name another file") from problem


def _written(trial: Trial) -> dict[str, Any]:
    return {
        "mutant": trial.mutant,
        "kills": [[str(kill.scenario), kill.item] for kill in trial.kills],
        "executed": sorted(map(str, trial.executed)),
        "items": trial.items,
        "errors": list(trial.errors),
        "seconds": round(trial.seconds, 1),
    }


def _read(data: dict[str, Any]) -> Trial:
    return Trial(
        mutant=data["mutant"],
        kills=tuple(Kill(Path(scenario), item) for scenario, item in data["kills"]),
        executed=frozenset(map(Path, data["executed"])),
        items=data["items"],
        errors=tuple(data["errors"]),
        seconds=data["seconds"],
    )
