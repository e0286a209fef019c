"""What answered in place of a target. Pure."""

from netpol_harness.results.evidence import Attempt


def impostor(attempt: Attempt) -> str:
    """Say what answered in place of the target, of an attempt that was open and is not genuine."""
    if attempt.is_intercepted or attempt.identity is None:
        return "something on the way accepts every connection: an unused port of the target answered as well"
    listeners = " or ".join(sorted(attempt.identity.listeners))
    return f"not {listeners} answered, but {attempt.identity.answered or 'a server that does not tell its name'}"
