"""``python -m netpol_harness.emulator``: one cluster in the foreground, until Ctrl-C."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from netpol_harness.emulator.launch import complain, isolate, launch
from netpol_harness.emulator.options import EmulatorOptions
from netpol_harness.errors import LabError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one cluster; the exit code is 0 after an orderly end, 2 where it cannot run here."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.check:
            isolate()
            return 0
        if given.kubeconfig is None:
            parser.error("--kubeconfig FILE is needed")
        return launch(
            EmulatorOptions(
                name=given.name,
                kubeconfig=given.kubeconfig.absolute(),
                directory=given.directory,
                lifeline=given.lifeline,
                ready=given.ready_fd,
                hidden_tools=given.hide_tools,
                tools=given.tools,
                mutant=_known(given.mutant),
            )
        )
    except LabError as problem:
        complain(problem)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m netpol_harness.emulator",
        description="A small Kubernetes cluster in one process: real API, pods as network namespaces, nftables.",
    )
    add = parser.add_argument
    add("--kubeconfig", type=Path, metavar="FILE", help="write the kubeconfig here once the cluster is ready")
    add("--name", default="embedded", help="name of the cluster and of its context (default: %(default)s)")
    add("--directory", type=Path, metavar="DIR", help="keep the log in DIR/daemon.log (default: standard error)")
    add("--lifeline", type=Path, metavar="FIFO", help="end when the last process that holds this FIFO open is gone")
    add("--ready-fd", type=int, metavar="N", help="write 'ready' and a newline to this descriptor once it is")
    add("--hide-tools", type=_names, default=(), metavar="NAMES", help="take these programs from every pod: nc,curl")
    add("--tools", choices=("busybox",), default="", help="have pods find these tools alone, not all of this host's")
    add("--mutant", default="", metavar="NAME", help="give the policy agent one bug of network plugins")
    add("--check", action="store_true", help="only find out whether a cluster can run here")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _known(mutant: str) -> str:
    """The same name. Raises ``ClusterFailed`` where no mutant has it."""
    if mutant:
        from netpol_harness.emulator.faults import named  # here, since it is rarely needed

        named(mutant)
    return mutant


if __name__ == "__main__":
    sys.exit(main())
