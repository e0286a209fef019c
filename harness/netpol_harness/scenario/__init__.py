"""Files become a ``Scenario``: YAML with marks, closed keys, checked manifests. Knows no cluster."""

from pathlib import Path

SCENARIO_FILE = "scenario.yaml"
"""What a scenario's directory is known by."""

SCHEMA_FILE = Path(__file__).with_name("scenario.schema.json")
"""The JSON Schema of scenario.yaml, for editors."""
