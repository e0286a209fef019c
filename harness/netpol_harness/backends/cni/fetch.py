"""Verified downloads: named by their checksum, verified before each use, cached for later runs.

Invariant: a file with another checksum is never used, and is never in the cache under this name.
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

MAX_BYTES = 64 * 2**20
_CHUNK = 64 * 2**10
_SECONDS = 30.0  # without any data
_ATTEMPTS = 3


def cache_directory() -> Path:
    """Return the folder of the cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return home / "netpol-harness" / "manifests"


def fetch(url: str, checksum: str, cache: Path, *, offline: bool = False, progress: Progress = ignore) -> Path:
    """Return the file of ``url`` with this SHA-256, from the cache or from the network.

    Raises ``ClusterFailed`` with the URL to fetch by hand and the path to put the file at.
    """
    file = cache / checksum
    if file.is_file() and _checksum(file) == checksum:
        return file
    if offline:
        raise ClusterFailed(
            f"{url} is not in the cache, and --offline forbids fetching it; fetch it elsewhere and put it at {file} "
            f"(its SHA-256 is {checksum}), or pass your copy with --cni-manifest"
        )
    cache.mkdir(parents=True, exist_ok=True)
    retrying = Retrying(
        retry=retry_if_exception(_is_temporary),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=5.0),
        reraise=True,
    )
    try:
        retrying(_download, url, checksum, file, progress)
    except (OSError, HTTPException, ValueError) as error:
        raise ClusterFailed(
            f"{url} cannot be fetched ({error}); fetch it elsewhere and put it at {file}, "
            "or pass your copy with --cni-manifest"
        ) from error
    return file


def _download(url: str, checksum: str, file: Path, progress: Progress) -> None:
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix="draft-")
    try:
        with os.fdopen(descriptor, "wb") as sink, urlopen(_request(url), timeout=_SECONDS) as source:
            total = int(source.headers.get("Content-Length") or 0)
            done = 0
            for chunk in _chunks(source):
                done += sink.write(chunk)
                progress(f"fetching {url.rpartition('/')[2]}: {_amount(done, total)}")
        if done < total:
            raise ConnectionError(f"only {done} of {total} bytes were received")
        actual = _checksum(Path(draft))
        if actual != checksum:
            raise ClusterFailed(
                f"the file of {url} has the SHA-256 {actual}, not {checksum}: it was changed, or a proxy answered in "
                "its place, so it was not used. Read it, and pass it with --cni-manifest if it is right"
            )
        Path(draft).replace(file)
    except HTTPError as error:
        error.close()  # it keeps the connection open
        raise
    finally:
        Path(draft).unlink(missing_ok=True)


def _request(url: str) -> Request:
    return Request(url, headers={"User-Agent": "netpol-harness"})


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    remaining = MAX_BYTES
    while chunk := source.read(_CHUNK):
        remaining -= len(chunk)
        if remaining < 0:
            raise ValueError(f"more than {MAX_BYTES // 2**20} MiB")
        yield chunk


def _amount(done: int, total: int) -> str:
    return f"{done // 1024} of {total // 1024} KiB" if total else f"{done // 1024} KiB"


def _checksum(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _is_temporary(error: BaseException) -> bool:
    """Whether a retry may help: not if the server has refused the request."""
    if isinstance(error, HTTPError):
        return error.code in (408, 429) or error.code >= 500
    return isinstance(error, URLError | TimeoutError | ConnectionError | HTTPException)
