"""Interactive commands in pods, over one WebSocket each. (``kube.exec`` runs a command and returns its output.)

Invariant: the end of the command or of the connection is an error that says so, never empty output: empty output means
that the command runs and has written nothing.
"""

from contextlib import suppress

from websocket import ABNF, WebSocket, WebSocketException, WebSocketTimeoutException

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.stream import STATUS, STDIN, STDOUT, PermanentFailure, TransientFailure, exit_code
from netpol_harness.model.names import NamespacedName


class PodSession:
    """A ``Session`` over an open WebSocket of pods/exec. ``pod`` is named in messages."""

    def __init__(self, socket: WebSocket, pod: NamespacedName) -> None:
        self._socket = socket
        self._pod = pod

    def write(self, data: bytes) -> None:
        """Write ``data`` to the command's standard input."""
        try:
            self._socket.send_binary(bytes([STDIN]) + data)
        except (WebSocketException, OSError) as error:
            raise self._broken(error) from error

    def read(self, deadline: Deadline) -> bytes:
        """Return the next chunk of standard output; empty if there is none before the deadline."""
        try:
            while True:
                self._socket.settimeout(max(0.001, deadline.remaining))
                kind, frame = self._socket.recv_data_frame(control_frame=True)
                if kind == ABNF.OPCODE_CLOSE:
                    raise ExecFailed(f"the session in pod {self._pod} was closed by the server")
                if kind in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and (output := self._output(frame.data)):
                    return output
        except WebSocketTimeoutException:
            return b""
        except (WebSocketException, OSError) as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Close the connection."""
        with suppress(WebSocketException, OSError):
            self._socket.send_close()
        self._socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client is half typed

    def _output(self, frame: bytes) -> bytes:
        if frame[:1] == bytes([STDOUT]):
            return frame[1:]
        if frame[:1] == bytes([STATUS]):
            try:
                raise ExecFailed(f"the session in pod {self._pod} ended with exit code {exit_code(frame[1:])}")
            except (TransientFailure, PermanentFailure) as error:
                raise ExecFailed(f"the session in pod {self._pod} could not start: {error}") from error
        return b""

    def _broken(self, error: Exception) -> ExecFailed:
        return ExecFailed(f"the session in pod {self._pod} broke: {error or type(error).__name__}")
