"""Bytes of a repository: a folder (a USB stick), or any HTTP folder; a target goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

CHUNK: Final = 1 << 16
TIMEOUT_S: Final = 20.0
TARGETS: Final = "/targets/"


def base_url(source: str) -> str:
    """The URL of a folder or of an HTTP address, without a slash at its end."""
    if urlsplit(source).scheme in ("http", "https", "file"):
        return source.rstrip("/")
    return Path(source).expanduser().resolve().as_uri()


class ResumingFetcher(FetcherInterface):
    """What came of a target before an interruption is kept in `parts` and given first; the hash is checked over all."""

    def __init__(self, parts: Path, timeout_s: float = TIMEOUT_S) -> None:
        self._parts, self._timeout_s = parts, timeout_s
        self.resumed_bytes = 0

    def part_of(self, url: str) -> Path:
        """Of a target: its name begins with its hash."""
        return self._parts / f"{Path(unquote(urlsplit(url).path)).name}.part"

    def forget(self, beginning: str = "") -> None:
        """Drop what came of files of that beginning: it was not what was signed, or it is done with."""
        for path in self._parts.glob(f"{beginning}*.part"):
            path.unlink()

    def _fetch(self, url: str) -> Iterator[bytes]:
        if TARGETS not in urlsplit(url).path:
            return self._all(url, 0)
        return self._resumed(url)

    def _resumed(self, url: str) -> Iterator[bytes]:
        self._parts.mkdir(parents=True, exist_ok=True)
        path = self.part_of(url)
        with path.open("ab+") as kept:
            kept.seek(0)
            while part := kept.read(CHUNK):
                self.resumed_bytes += len(part)
                yield part
            for part in self._all(url, kept.tell()):
                kept.write(part)
                kept.flush()
                yield part

    def _all(self, url: str, begin: int) -> Iterator[bytes]:
        """The bytes from `begin` on. Raises DownloadError, DownloadHTTPError (404: there is none)."""
        try:
            if urlsplit(url).scheme == "file":
                yield from self._file(Path(unquote(urlsplit(url).path)), begin)
            else:
                yield from self._http(url, begin)
        except (URLError, HTTPException, OSError) as error:
            if isinstance(error, HTTPError) and error.code in (403, 404):
                raise DownloadHTTPError(f"{url}: {error}", error.code) from error
            if isinstance(error, HTTPError) and error.code == 416:  # nothing beyond what is kept
                return
            raise DownloadError(f"{url}: {error}") from error

    def _file(self, path: Path, begin: int) -> Iterator[bytes]:
        if not path.is_file():
            raise DownloadHTTPError(f"{path} is not there", 404)
        with path.open("rb") as file:
            file.seek(begin)
            while part := file.read(CHUNK):
                yield part

    def _http(self, url: str, begin: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        with urlopen(Request(url, headers=headers), timeout=self._timeout_s) as answer:
            skip = begin if begin and answer.status != 206 else 0  # a server that knows no ranges begins anew
            wanted = int(answer.headers.get("Content-Length") or -1)
            came = 0
            while part := answer.read(CHUNK):
                came += len(part)
                if skip:
                    cut = min(skip, len(part))
                    part, skip = part[cut:], skip - cut
                if part:
                    yield part
            if 0 <= wanted != came:
                raise DownloadError(f"{url}: {came} of {wanted} bytes came")
