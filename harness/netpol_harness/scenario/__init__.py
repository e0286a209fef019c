"""Reads a scenario's files into a ``Scenario``: YAML with places, closed keys, checked manifests. Needs no cluster."""

from pathlib import Path

SCENARIO_FILE = "scenario.yaml"
"""The file that makes a directory a scenario."""

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
"""How the names of manifests end, as kubectl reads them."""

SCHEMA_FILE = Path(__file__).with_name("scenario.schema.json")
"""The JSON Schema of scenario.yaml, for editors."""
