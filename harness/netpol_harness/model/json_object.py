"""The type of an object of the Kubernetes API, as JSON has it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""An object of the API that its holder may change."""

JsonMapping: TypeAlias = Mapping[str, Any]
"""An object of the API that its reader leaves as it is."""
