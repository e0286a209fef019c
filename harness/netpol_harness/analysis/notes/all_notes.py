"""All notes on a scenario's files. Pure."""

from itertools import chain

from netpol_harness.analysis.notes.cluster_order import open_orders
from netpol_harness.analysis.notes.inert import inert_parts
from netpol_harness.analysis.notes.mesh import meshed_pods
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.notes.unreached_rules import unreached_rules
from netpol_harness.scenario.scenario import Scenario


def notes_on(scenario: Scenario) -> tuple[Note, ...]:
    """Return the notes, each once, in the order of the files."""
    found = (inert_parts(scenario), open_orders(scenario), unreached_rules(scenario), meshed_pods(scenario))
    return tuple(dict.fromkeys(chain(*found)))
