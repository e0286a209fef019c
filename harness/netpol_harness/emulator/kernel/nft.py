"""libnftables, called in this process: one call is one transaction.

Invariant: a transaction is wholly in effect when ``apply`` returns, and has no effect when it raises. The handle works
on the network namespace that its opening thread was in, whichever thread calls later. The GIL is released while the
kernel works.
"""

import ctypes
import json
from collections.abc import Mapping
from ctypes.util import find_library
from typing import Any

from netpol_harness.errors import ClusterFailed, ToolMissing

_OUTPUT_JSON = 1 << 4


class NftFailed(ClusterFailed):
    """A transaction that nftables refused. It has no effect. ``text`` is the whole transaction."""

    def __init__(self, message: str, text: str) -> None:
        self.text = text
        super().__init__(f"nftables refused a transaction: {message}")


class Nft:
    """A libnftables handle, for one thread at a time. Raises ``ToolMissing`` if the library is missing."""

    def __init__(self) -> None:
        self._library = _library()
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)

    def apply(self, text: str) -> None:
        """Run commands as one transaction. Raises ``NftFailed``."""
        self._run(text)

    def listing(self) -> list[Mapping[str, Any]]:
        """Return the current ruleset, as the objects of libnftables-json(5)."""
        self._library.nft_ctx_output_set_flags(self._context, _OUTPUT_JSON)
        try:
            output = self._run("list ruleset")
        finally:
            self._library.nft_ctx_output_set_flags(self._context, 0)
        objects: list[Mapping[str, Any]] = json.loads(output)["nftables"]
        return objects

    def close(self) -> None:
        """Free the handle. The ruleset stays as it is."""
        if self._context:
            self._library.nft_ctx_free(self._context)
            self._context = ctypes.c_void_p()

    def _run(self, text: str) -> str:
        failed = self._library.nft_run_cmd_from_buffer(self._context, text.encode())
        output: bytes = self._library.nft_ctx_get_output_buffer(self._context)
        errors: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise NftFailed(errors.decode(errors="replace").strip() or f"code {failed}", text)
        return output.decode()


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(find_library("nftables") or "libnftables.so.1")
    except OSError as error:
        raise ToolMissing(f"libnftables is missing ({error}); install it, e.g. apt-get install libnftables1") from error
    context = ctypes.c_void_p
    for name, result, arguments in (
        ("nft_ctx_new", context, (ctypes.c_uint32,)),
        ("nft_ctx_free", None, (context,)),
        ("nft_ctx_buffer_output", ctypes.c_int, (context,)),
        ("nft_ctx_buffer_error", ctypes.c_int, (context,)),
        ("nft_ctx_output_set_flags", None, (context, ctypes.c_uint)),
        ("nft_ctx_get_output_buffer", ctypes.c_char_p, (context,)),
        ("nft_ctx_get_error_buffer", ctypes.c_char_p, (context,)),
        ("nft_run_cmd_from_buffer", ctypes.c_int, (context, ctypes.c_char_p)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
