"""All notes on a scenario's files. Pure."""

from netpol_harness.analysis.notes.inert import inert_parts
from netpol_harness.analysis.notes.mesh import meshed_pods
from netpol_harness.analysis.notes.note import Note
from netpol_harness.scenario.scenario import Scenario


def notes_on(scenario: Scenario) -> tuple[Note, ...]:
    """Return the notes, each once, in the order of the files."""
    return tuple(dict.fromkeys([*inert_parts(scenario), *meshed_pods(scenario)]))
