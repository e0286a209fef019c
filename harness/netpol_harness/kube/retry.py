"""The retry policy of requests.

Invariant: a request is retried only if it had no effect (a refused connection, a 429, a Retry-After), or if it is
harmless to send twice (a GET, an apply) and its failure may be temporary. Retries end after ``ATTEMPTS``, but a server
that throttles (429) is asked again until the caller's patience ends.
"""

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import HTTPError, NewConnectionError

from netpol_harness.errors import ApiError
from netpol_harness.kube.log import Operation

ATTEMPTS = 4
CONFLICT_ATTEMPTS = 8
SERVER_ERRORS = frozenset({500, 502, 503, 504})
MOST_SECONDS_TO_WAIT = 10.0

_backoff = wait_random_exponential(multiplier=0.1, max=2.0)


class RequestRefused(Exception):
    """A response that is not success, with its Retry-After header."""

    def __init__(self, error: ApiError, retry_after: str | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = seconds_to_wait(retry_after)

    @property
    def asks_to_come_back(self) -> bool:
        """Whether the request had no effect and the server wants it again later."""
        return self.error.code == 429 or self.retry_after is not None


def request_retrying(operation: Operation, *, repeatable: bool, patience: float) -> Retrying:
    """Return the policy for one request; its retries are logged under ``operation``.

    ``repeatable``: the request may be sent twice; ``patience``: seconds for which a throttling server is asked again.
    """

    def enough(state: RetryCallState) -> bool:
        error = _error(state)
        throttled = isinstance(error, RequestRefused) and error.error.code == 429
        patient = throttled and (state.seconds_since_start or 0.0) < patience
        return state.attempt_number >= ATTEMPTS and not patient

    return Retrying(
        retry=retry_if_exception(_may_be_temporary if repeatable else _had_no_effect),
        wait=_wait,
        stop=enough,
        before_sleep=lambda state: operation.log_retry(_reason_for_log(state), state.upcoming_sleep),
        reraise=True,
    )


def conflict_retrying() -> Retrying:
    """Return the policy for an update that a write of another client may precede (409)."""
    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, ApiError) and error.code == 409),
        wait=wait_random_exponential(multiplier=0.05, max=1.0),
        stop=stop_after_attempt(CONFLICT_ATTEMPTS),
        reraise=True,
    )


def seconds_to_wait(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, at most ten; ``None`` if absent or a date (RFC 9110, 10.2.3)."""
    return min(float(retry_after), MOST_SECONDS_TO_WAIT) if retry_after and retry_after.isdigit() else None


def failure_reason(error: BaseException) -> str:
    """Return the innermost cause in a few words: urllib3 wraps it two or three deep."""
    inner = getattr(error, "reason", None) or error
    return str(inner).rsplit(": ", 1)[-1].strip() or type(inner).__name__


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _had_no_effect(error: BaseException) -> bool:
    return isinstance(error, NewConnectionError) or (isinstance(error, RequestRefused) and error.asks_to_come_back)


def _may_be_temporary(error: BaseException) -> bool:
    if isinstance(error, RequestRefused):
        return error.asks_to_come_back or error.error.code in SERVER_ERRORS
    return isinstance(error, HTTPError | OSError)


def _wait(state: RetryCallState) -> float:
    """Return the seconds until the next attempt: Retry-After, plus a growing random pause that spreads clients."""
    error = _error(state)
    retry_after = error.retry_after if isinstance(error, RequestRefused) else None
    return (retry_after or 0.0) + _backoff(state)


def _reason_for_log(state: RetryCallState) -> str:
    """Return why an attempt failed; of a refusal only code and reason, since its message may quote a body."""
    error = _error(state)
    if isinstance(error, RequestRefused):
        return f"{error.error.code} {error.error.reason}"
    return failure_reason(error) if error else ""
