"""Writes the wire file of the embedded cluster's API: the protobuf form of the served kinds.

Run it when a kind is added or the Kubernetes version changes: `python tools/generate_wire.py`. It needs Go; the
Kubernetes version is the one in tools/wire/go.mod. It writes one struct a line, so that a change can be reviewed as a
diff.
"""

import json
import subprocess
from pathlib import Path

from netpol_harness.emulator.apiserver.built_in_kinds import RESOURCES

OTHERS = (
    "v1/DeleteOptions",
    "autoscaling/v1/Scale",
    "authentication.k8s.io/v1/SelfSubjectReview",
    "authorization.k8s.io/v1/LocalSubjectAccessReview",
    "authorization.k8s.io/v1/SelfSubjectAccessReview",
    "authorization.k8s.io/v1/SelfSubjectRulesReview",
    "authorization.k8s.io/v1/SubjectAccessReview",
)
TARGET = Path(__file__).parent.parent / "harness/netpol_harness/emulator/apiserver/wire.json"


def main() -> None:
    """Write the wire file."""
    kinds = sorted(
        {*OTHERS, *(f"{row.api_version}/{row.kind}" for row in RESOURCES if row.definition.startswith("io.k8s.api."))}
    )
    command = ["go", "run", "-mod=mod", ".", *kinds]
    run = subprocess.run(command, cwd=Path(__file__).parent / "wire", capture_output=True, text=True, check=True)
    wire = json.loads(run.stdout)
    lines = (f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in wire["structs"].items())
    TARGET.write_text(f'{{"kinds": {json.dumps(wire["kinds"])}, "structs": {{\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
