"""The log of requests and execs, under ``netpol_harness.kube``: one DEBUG record for each, and INFO for every retry.

A record holds no header, no body, no query and no output, so that neither a token nor the content of a Secret can get
into a log. urllib3's own records of requests are dropped where the server's URL has a path, since it may be a secret
(that of the embedded cluster is). Nothing is formatted while the level is off.
"""

import logging
import time
from dataclasses import dataclass, field

log = logging.getLogger("netpol_harness.kube")

URLLIB3 = ("urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")
"""Loggers whose records quote the path of a URL."""


@dataclass(slots=True)
class Operation:
    """A request or an exec that may take several attempts. ``verb`` and ``target`` name it in the log."""

    verb: str
    target: object
    container: str = ""
    retries: int = 0
    _began: float = field(default_factory=time.monotonic)

    def log_retry(self, reason: object, pause: float) -> None:
        """Record an attempt that failed for ``reason`` and is repeated after ``pause`` seconds."""
        self.retries += 1
        log.info("%s: %s; retry %d in %.2f s", self, reason, self.retries, pause)

    def log_end(self, result: object) -> None:
        """Record how it ended."""
        log.debug("%s: %s in %.3f s, %d retries", self, result, time.monotonic() - self._began, self.retries)

    def __str__(self) -> str:
        container = f" container {self.container}" if self.container else ""
        return f"{self.verb} {self.target}{container}"


def hide(path: str) -> None:
    """Keep records of urllib3 that quote ``path``, that of a server's URL, out of every log."""
    if path.strip("/"):
        _hidden.paths.add(path)
        for name in URLLIB3:
            logging.getLogger(name).addFilter(_hidden)


class _Hidden(logging.Filter):
    """Drops the records that quote one of ``paths``. Added to a logger twice, it is there once."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not any(path in message for path in self.paths)


_hidden = _Hidden()
