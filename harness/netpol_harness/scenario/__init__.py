"""Files become a ``Scenario``: YAML with marks, closed keys, checked manifests. Knows no cluster."""

SCENARIO_FILE = "scenario.yaml"
"""What a scenario's directory is known by."""
