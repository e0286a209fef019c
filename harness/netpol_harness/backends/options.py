"""How a backend declares its options: as fields of a dataclass, which the pytest plugin offers as ``--netpol-NAME``.

Every run of pytest imports this module and the options of each backend if the package is installed. So they import
nothing heavy; the other modules of a backend are imported once it is chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from netpol_harness.backends.base import BackendFactory

T = TypeVar("T")
_DECLARATION = "option"


class Binding(Enum):
    """When an option is an error with a backend that does not have it; otherwise it is ignored there.

    ``ON_COMMAND_LINE``: elsewhere, as in a configuration file, it is a default for the runs that it fits.
    """

    NEVER = "never"
    ON_COMMAND_LINE = "on the command line"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class DeclaredOption:
    """An option of a backend. ``name`` and ``type`` are those of the field; the type decides what values are valid.

    ``parse`` makes the value, or each of several values, from its text, and raises ``ValueError`` saying what is valid.
    ``former_keys`` are keys of pytest's configuration file that older versions had.
    """

    name: str
    type: Any
    default: Any
    metavar: str
    help: str
    parse: Callable[[str], Any] | None
    binding: Binding
    former_keys: tuple[str, ...]

    @property
    def long(self) -> str:
        """The name on the command line."""
        return long_name(self.name)


NODES = "number of nodes (kind: 3, control plane included; embedded: 1)"
IP_FAMILY = "address family of pods and Services: ipv4 (default), ipv6 or dual"
"""Help of the option ``nodes`` of two backends."""


def long_name(name: str) -> str:
    """Return ``--netpol-load-image`` for ``load_image``."""
    return f"--netpol-{name.replace('_', '-')}"


def option(
    help: str,
    *,
    default: Any,
    metavar: str = "",
    parse: Callable[[str], Any] | None = None,
    binding: Binding = Binding.ON_COMMAND_LINE,
    former_keys: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field that is an option (``DeclaredOption``)."""
    return field(default=default, metadata={_DECLARATION: (metavar, help, parse, binding, former_keys)})


def declared_options(options_type: type) -> tuple[DeclaredOption, ...]:
    """Return the options among the fields of a backend's options, in their order."""
    return tuple(
        DeclaredOption(entry.name, entry.type, entry.default, *entry.metadata[_DECLARATION])
        for entry in fields(options_type)
        if _DECLARATION in entry.metadata
    )


@dataclass(frozen=True, slots=True)
class BackendDescriptor(Generic[T]):
    """What is known of a backend before it is chosen.

    ``name`` is the value of ``--cluster``, which is followed by ``:CONTEXT`` if the backend ``takes_context``: then its
    options have a field ``context``. ``is_automatic`` tells whether ``--cluster auto`` considers it.
    """

    name: str
    options_type: type[T]
    factory: "Callable[[T], BackendFactory]"
    takes_context: bool = False
    is_automatic: bool = False

    @property
    def options(self) -> tuple[DeclaredOption, ...]:
        """The options of this backend."""
        return declared_options(self.options_type)
