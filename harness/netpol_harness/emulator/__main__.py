"""``python -m netpol_harness.emulator``: run one cluster in the foreground, until Ctrl-C."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from netpol_harness.emulator.address_plan import MOST_NODES
from netpol_harness.emulator.launch import check_namespaces, launch, print_problem
from netpol_harness.emulator.options import EmulatorOptions
from netpol_harness.errors import LabError
from netpol_harness.ip_family import IpFamily


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one cluster. Return 0 after an orderly end, 2 if it cannot run here."""
    parser = _parser()
    args = parser.parse_args(arguments)
    try:
        if args.check or args.check_rules:
            check_namespaces(args.ip_family)
            _check_rules(args.check_rules)
            return 0
        if args.kubeconfig is None:
            parser.error("--kubeconfig FILE is required")
        return launch(
            EmulatorOptions(
                name=args.name,
                kubeconfig=args.kubeconfig.absolute(),
                directory=args.directory,
                lifeline=args.lifeline,
                ready=args.ready_fd,
                hidden_tools=args.hide_tools,
                tools=args.tools,
                mutant=_check_mutant(args.mutant),
                agent=args.agent,
                family=args.ip_family,
                nodes=args.nodes,
                request_log=args.request_log,
            )
        )
    except LabError as problem:
        print_problem(problem)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m netpol_harness.emulator",
        description="A small Kubernetes cluster in one process: real API, pods as network namespaces, nftables.",
    )
    add = parser.add_argument
    add("--kubeconfig", type=Path, metavar="FILE", help="write the kubeconfig to FILE once the cluster is ready")
    add("--name", default="embedded", help="name of the cluster and of its context (default: %(default)s)")
    add("--directory", type=Path, metavar="DIR", help="keep the log in DIR/daemon.log (default: standard error)")
    add("--lifeline", type=Path, metavar="FIFO", help="end when the last process that holds this FIFO open has ended")
    add(
        "--ready-fd",
        type=int,
        metavar="N",
        help="write 'ready' and a newline to this descriptor when ready",
    )
    add(
        "--hide-tools",
        type=_names,
        default=(),
        metavar="NAMES",
        help="hide these programs from every pod: nc,curl",
    )
    add("--tools", choices=("busybox",), default="", help="give pods only these tools, not all of this host's")
    add("--mutant", default="", metavar="NAME", help="give the policy agent one known bug of network plugins")
    add("--agent", type=Path, metavar="FILE", help="have this program enforce policies (JSON), not our own rules")
    add("--nodes", type=_number_of_nodes, default=1, metavar="N", help="number of nodes (default: %(default)s)")
    add(
        "--ip-family",
        type=IpFamily,
        choices=[*IpFamily],
        default=IpFamily.IPV4,
        help="IP families of pods and Services (default: ipv4)",
    )
    add("--request-log", type=Path, metavar="FILE", help="write each request that the API answers to FILE, as JSON")
    add("--check", action="store_true", help="only check whether a cluster can run here")
    add("--check-rules", default="", metavar="TEXT", help="only check whether the kernel takes these rules of nftables")
    return parser


def _number_of_nodes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_NODES:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of nodes from 1 to {MOST_NODES}")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _check_rules(text: str) -> None:
    """Apply the rules in this process's own network. Raises ``NftFailed`` if the kernel refuses them."""
    if text:
        from netpol_harness.emulator.kernel.nft import Nft  # imported here because it loads a library

        Nft().apply(text)


def _check_mutant(mutant: str) -> str:
    """Return the name. Raises ``ClusterFailed`` if there is no such mutant."""
    if mutant:
        from netpol_harness.emulator.faults import named  # imported here because it is rarely needed

        named(mutant)
    return mutant


if __name__ == "__main__":
    sys.exit(main())
