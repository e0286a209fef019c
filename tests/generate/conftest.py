import pytest

from netpol_harness.generate.drafts import Draft, drafts


@pytest.fixture(scope="session")
def few() -> tuple[Draft, ...]:
    """The choice that is shipped."""
    return drafts()


@pytest.fixture(scope="session")
def everything() -> tuple[Draft, ...]:
    """The full product."""
    return drafts(full=True)
