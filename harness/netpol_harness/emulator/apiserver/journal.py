"""What of the API gets into the cluster's log: faults of ours, neither those of clients nor the token."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class WithoutSecret(logging.Formatter):
    """A format in which a secret, wherever it stands in a record or its traceback, is replaced."""

    def __init__(self, form: str, secret: str) -> None:
        super().__init__(form)
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return super().format(record).replace(self._secret, "(token)")


def quiet_log() -> logging.Logger:
    """A logger for aiohttp's server, which has an error with a traceback for each malformed request."""
    log = logging.getLogger(__name__)
    log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether the record tells something that the client has not been answered already."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
