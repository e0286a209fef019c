"""Downloads that are what they were: named by their checksum, verified before use, kept for the next time.

Invariant: a file that does not have the checksum asked for is never used, and never in the cache under that name.
The cache is ``$XDG_CACHE_HOME/netpol-harness/manifests/SHA256`` (XDG base directory specification).
"""

import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from netpol_harness.backends.base import Progress, ignore
from netpol_harness.errors import ClusterFailed

MOST_BYTES = 64 * 2**20
_PIECE = 64 * 2**10
_SECONDS = 30.0  # without a byte
_ATTEMPTS = 3


def cache_directory() -> Path:
    """Where downloads are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return home / "netpol-harness" / "manifests"


def fetch(url: str, checksum: str, cache: Path, *, offline: bool = False, progress: Progress = ignore) -> Path:
    """The file behind ``url``, which has this SHA-256, from the cache or from the network.

    Raises ``ClusterFailed`` that says what to fetch and where to put it.
    """
    file = cache / checksum
    if file.is_file() and _checksum(file) == checksum:
        return file
    if offline:
        raise ClusterFailed(
            f"{url} is not in the cache, and --offline forbids to fetch it; fetch it elsewhere and put it at {file} "
            f"(its SHA-256 is {checksum}), or give your copy with --cni-manifest"
        )
    cache.mkdir(parents=True, exist_ok=True)
    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=5.0),
        reraise=True,
    )
    try:
        retrying(_download, url, checksum, file, progress)
    except (OSError, HTTPException, ValueError) as error:
        raise ClusterFailed(
            f"{url} cannot be fetched ({error}); fetch it elsewhere and put it at {file}, "
            "or give your copy with --cni-manifest"
        ) from error
    return file


def _download(url: str, checksum: str, file: Path, progress: Progress) -> None:
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix="draft-")
    try:
        with os.fdopen(descriptor, "wb") as sink, urlopen(_request(url), timeout=_SECONDS) as source:
            total = int(source.headers.get("Content-Length") or 0)
            done = 0
            for piece in _pieces(source):
                done += sink.write(piece)
                progress(f"fetching {url.rpartition('/')[2]}: {_amount(done, total)}")
        if done < total:
            raise ConnectionError(f"only {done} of {total} bytes came")
        found = _checksum(Path(draft))
        if found != checksum:
            raise ClusterFailed(
                f"what came from {url} has the SHA-256 {found}, not {checksum}; it was changed, or something on the "
                "way answered in its place: nothing of it was used. Read it, and give it with --cni-manifest if it is "
                "right"
            )
        Path(draft).replace(file)
    except HTTPError as error:
        error.close()  # it holds the connection
        raise
    finally:
        Path(draft).unlink(missing_ok=True)


def _request(url: str) -> Request:
    return Request(url, headers={"User-Agent": "netpol-harness"})


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    left = MOST_BYTES
    while piece := source.read(_PIECE):
        left -= len(piece)
        if left < 0:
            raise ValueError(f"more than {MOST_BYTES // 2**20} MiB")
        yield piece


def _amount(done: int, total: int) -> str:
    return f"{done // 1024} of {total // 1024} KiB" if total else f"{done // 1024} KiB"


def _checksum(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help: not where the server has answered that there is no such thing."""
    if isinstance(error, HTTPError):
        return error.code in (408, 429) or error.code >= 500
    return isinstance(error, URLError | TimeoutError | ConnectionError | HTTPException)
