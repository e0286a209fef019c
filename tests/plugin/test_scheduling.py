import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netpol_harness.plugin.scheduling import WORKERS_PER_PROCESSOR, auto_workers

MANY = WORKERS_PER_PROCESSOR * (os.cpu_count() or 1)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for file in ("library/web/scenario.yaml", "library/web/test_web.py", "plain/test_plain.py", "plain/manifest.yaml"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        (["library"], MANY),
        (["library/web", "library/web/scenario.yaml::open::a -> b:80"], MANY),
        (["plain"], None),
        (["library", "plain"], None),
        (["plain/test_plain.py"], None),
        ([""], None),
    ],
)
def test_only_a_run_of_scenarios_alone_gets_more_workers_than_processors(
    tree: Path, arguments: list[str], workers: int | None
) -> None:
    config: Any = SimpleNamespace(
        args=arguments, invocation_params=SimpleNamespace(dir=tree), getini=lambda _: ["skipped"]
    )
    assert auto_workers(config) == workers
