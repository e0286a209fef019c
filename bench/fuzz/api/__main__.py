"""``python -m bench.fuzz.api [COUNT [SEED]]``: send malformed requests; exit with 1 if one goes wrong."""

import sys
import tempfile
from pathlib import Path
from time import perf_counter

import yaml

from bench.fuzz.api.campaign import LIMIT, SEED, Server, campaign
from netpol_harness.backends.embedded.backend import EmbeddedBackend

COUNT = 5000


def main() -> int:
    """Run the campaign on a new cluster and print its figures."""
    count, seed = (*map(int, sys.argv[1:]), *(COUNT, SEED)[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory() as directory:
        cluster = EmbeddedBackend().create("fuzz", Path(directory))
        start = perf_counter()
        try:
            tally = campaign(_server(cluster.kubeconfig), count, seed)
            seconds, log = perf_counter() - start, (Path(directory) / "daemon.log").read_text()
        finally:
            EmbeddedBackend().delete(cluster.name, Path(directory))
    for message in tally.wrong:
        print(message)
    print(log, end="")
    codes = ", ".join(f"{code}: {tally.codes[code]}" for code in sorted(tally.codes))
    print(
        f"seed {seed}: {count} requests in {seconds:.1f} s ({codes}; {tally.closed} closed without an answer), "
        f"{len(tally.wrong)} went wrong, {len(log.splitlines())} lines in the log; "
        f"slowest {tally.slowest:.2f} s, limit {LIMIT} s"
    )
    return 1 if tally.wrong or log else 0


def _server(kubeconfig: Path) -> Server:
    config = yaml.safe_load(kubeconfig.read_text())
    address, token = config["clusters"][0]["cluster"]["server"].removeprefix("http://127.0.0.1:").split("/")
    return Server(int(address), token)


if __name__ == "__main__":
    sys.exit(main())
