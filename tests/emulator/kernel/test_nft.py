import subprocess
import sys

import pytest

from netpol_harness.emulator.kernel.nft import Nft, NftFailed

ELSEWHERE = """
import threading
from netpol_harness.emulator.kernel.nft import Nft
from netpol_harness.emulator.kernel.syscalls import Clone, unshare
nft = Nft()
worker = threading.Thread(target=lambda: (unshare(Clone.NET), nft.apply("table inet t {}")))
worker.start()
worker.join()
tables = [entry["table"]["name"] for entry in Nft().listing() if "table" in entry]
assert tables == ["t"], tables
try:
    nft.apply("add chain inet t one; add rule inet t one nonsense")
except Exception as error:
    assert "nonsense" in str(error), error
    assert "nonsense" in error.text
assert not [entry for entry in nft.listing() if "chain" in entry]
nft.close()
nft.close()
"""


@pytest.mark.live
def test_a_handle_works_on_the_namespace_that_opened_it_and_a_transaction_is_atomic() -> None:
    spaces = ["--user", "--map-root-user", "--net"]
    result = subprocess.run(["unshare", *spaces, sys.executable, "-c", ELSEWHERE], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_syntax_error_shows_the_line() -> None:
    nft = Nft()
    with pytest.raises(NftFailed, match="syntax error"):
        nft.apply("add nonsense")
    nft.close()
