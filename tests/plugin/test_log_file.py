"""The trace of a run: nothing by default; requests, execs, rounds and changes by pytest's own ``--log-file``."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from netpol_harness.backends.embedded.backend import EmbeddedBackend

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

EVENTS = {
    "request": r"netpol_harness\.kube:\S+ request GET /api/v1/\S+: 200 in \d+\.\d{3} s, \d+ retries$",
    "exec": r"netpol_harness\.kube:\S+ exec sh in pod demo-default-\S*/client: exit code 0 in [\d.]+ s, \d+ retries$",
    "round": r"netpol_harness\.probe:\S+ round \d+ at [\d.]+ s: \d+ of \d+ paths differ; pace [\d.]+, at most \d+",
    "change": r"netpol_harness\.runner:\S+ change create NetworkPolicy \S+/deny in \d+\.\d{3} s, step closed$",
}
LOG_FILE = ("--log-file=run.log", "--log-file-level=DEBUG", "-o", "log_file_mode=a")


@pytest.fixture
def token(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The token of a cluster that KUBECONFIG names. It is a part of the server's URL, too."""
    backend = EmbeddedBackend(())
    cluster = backend.create("demo", tmp_path_factory.mktemp("cluster"))
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    yield yaml.safe_load(Path(cluster.kubeconfig).read_text())["users"][0]["user"]["token"]
    backend.delete(cluster.name, cluster.kubeconfig.parent)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_log_file_has_every_kind_of_event_and_no_token(demo: "Demo", token: str, workers: list[str]) -> None:
    result = demo.run("--cluster", "kubeconfig", "--no-canary", *LOG_FILE, *workers, "demo")
    assert result.ret == 0, result.stdout.str()
    text = (demo.pytester.path / "run.log").read_text()
    for event, pattern in EVENTS.items():
        assert re.search(pattern, text, re.MULTILINE), f"no {event} in {text[-5000:]}"
    assert len(token) > 20
    assert token not in text


def test_without_a_log_file_nothing_is_printed(demo: "Demo") -> None:
    result = demo.run("--cluster", "embedded", "-rA", "demo")
    assert result.ret == 0, result.stdout.str()
    printed = result.stdout.str() + result.stderr.str()
    assert not re.search(r"netpol_harness\.(kube|probe|runner)|Captured log|request GET", printed)
