"""Writes the JSON Schema of scenario.yaml from its shapes, for editors: `python tools/generate_scenario_schema.py`.

Run when netpol_harness/scenario/schema.py has changed; a test compares the file with the shapes.
"""

import json

from netpol_harness.scenario import SCHEMA_FILE
from netpol_harness.scenario.schema import json_schema


def text() -> str:
    """Return the file's content."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(text(), encoding="utf-8")
