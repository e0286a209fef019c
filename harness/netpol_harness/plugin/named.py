"""The folders and files that the command line names."""

from pathlib import Path

import pytest


def named_paths(config: pytest.Config) -> list[Path]:
    """Return the absolute paths that the command line names, without node ids; the folder of the run if it has none."""
    here = config.invocation_params.dir
    return [(here / argument.partition("::")[0]).resolve() for argument in config.args]
