"""Python imports the modules of this package itself, past pytest's hook that rewrites assertions.

pytest rewrites all modules of an installed plugin. Ours have no assertions whose message a user needs. Rewritten code
has files of its own, which are missing if Python may not write any (PYTHONDONTWRITEBYTECODE, a read-only folder): each
run would then compile 300 modules. Import this module before the others.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PACKAGE = "netpol_harness."


class OwnModules:
    """A finder (``sys.meta_path``) of the package's submodules. Python asks it before pytest's hook."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module of the package is; ``None`` for all others."""
        return PathFinder.find_spec(name, path, target) if name.startswith(PACKAGE) else None


if OwnModules not in sys.meta_path:
    sys.meta_path.insert(0, OwnModules)
