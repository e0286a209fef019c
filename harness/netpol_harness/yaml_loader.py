"""PyYAML's safe loader: libyaml's where it is built in, else the pure one."""

from collections.abc import Collection
from typing import Any

import yaml

SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def safe_loader(*, without: Collection[str]) -> Any:
    """Return a subclass of ``SAFE_LOADER`` that resolves no plain scalar to these types, such as ``timestamp``.

    A plain scalar of such a type stays text.
    """
    tags = {f"tag:yaml.org,2002:{name}" for name in without}
    resolvers = {
        first: [(tag, pattern) for tag, pattern in entries if tag not in tags]
        for first, entries in SAFE_LOADER.yaml_implicit_resolvers.items()
    }
    return type("Loader", (SAFE_LOADER,), {"yaml_implicit_resolvers": resolvers})
