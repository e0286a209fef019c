import pytest

from netpol_harness.generate.drafts import Draft, drafts


@pytest.fixture(scope="session")
def few() -> tuple[Draft, ...]:
    """The shipped scenarios."""
    return drafts()


@pytest.fixture(scope="session")
def everything() -> tuple[Draft, ...]:
    """The scenarios of the full product."""
    return drafts(full=True)
