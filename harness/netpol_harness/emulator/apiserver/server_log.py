"""What the API server writes to the cluster's log: internal errors, but neither clients' errors nor the token."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class SecretMaskingFormatter(logging.Formatter):
    """A formatter that replaces a secret anywhere in a record or its traceback."""

    def __init__(self, form: str, secret: str) -> None:
        super().__init__(form)
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return super().format(record).replace(self._secret, "(token)")


def server_logger() -> logging.Logger:
    """Return a logger for aiohttp's server, which logs an error with a traceback for each malformed request."""
    log = logging.getLogger(__name__)
    log.addFilter(_is_internal)
    return log


def _is_internal(record: logging.LogRecord) -> bool:
    """Return whether the record is about an error that has not been reported to the client."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
