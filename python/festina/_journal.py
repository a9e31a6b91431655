"""The journal of a map: every result as it comes, so that a map that was cut short goes on where it was.

A record is its length and CRC-32 (eight bytes, little-endian), a key of 32 bytes and the pickle of a value. The key is
a digest of the function (its code, what it closes over, the globals it names) and of the item; equal items are told
apart by their number. What comes together is written at once, and brought to the disk once a second: ``kill -9`` loses
nothing, a power cut a second. A torn last record is cut off when the file is opened.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from festina._backend import CallSpec
from festina._driver import Result
from festina._errors import InputError, UnavailableError
from festina._fingerprint import digest_of, fingerprint
from festina._pickling import dumps

_HEADER = struct.Struct("<II")
_MAGIC = b"festina.map/1\n"
_SYNC_S = 1.0


class Journal:
    """Results by what they are results of.

    Parameters
    ----------
    path : path
        The file; it is made where there is none.
    spec : CallSpec
        The function that is applied.
    """

    def __init__(self, path: str | os.PathLike[str], spec: CallSpec) -> None:
        self.path = os.fspath(path)
        try:
            self.file = open(self.path, "a+b", buffering=0)  # noqa: SIM115
        except OSError as error:
            hint = "give a path in a folder that exists and may be written"
            raise UnavailableError(f"the journal {self.path} cannot be opened: {error}\nhint: {hint}") from error
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.file.close()
            raise UnavailableError(
                f"another map writes the journal {self.path}\nhint: wait for it, or use another file"
            ) from error
        self.function = fingerprint(spec.function) + repr((spec.spread, spec.seed)).encode()
        self.is_seeded = spec.seed is not None
        self.values: dict[bytes, bytes] = {}
        self.occurrences: Counter[bytes] = Counter()
        self.keys: dict[int, bytes] = {}
        self.found: list[tuple[int, bytes]] = []
        self.count = 0
        self.synced = time.monotonic()
        try:
            self._read()
        except BaseException:
            self.file.close()
            raise

    def _read(self) -> None:
        self.file.seek(0)
        head = self.file.read(len(_MAGIC))
        if not head:
            self.file.write(_MAGIC)
            return
        if head != _MAGIC:
            raise InputError(f"{self.path} is not a journal of festina.map\nhint: give another path")
        good = len(_MAGIC)
        with open(self.path, "rb") as file:
            file.seek(good)
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                length, crc = _HEADER.unpack(header)
                record = file.read(length)
                if len(record) < length or zlib.crc32(record) != crc:
                    break
                self.values[record[:32]] = record[32:]
                good += _HEADER.size + length
        self.file.truncate(good)
        self.file.seek(0, os.SEEK_END)

    def recall(self, index: int, item: Any) -> bool:
        """Return whether the result of an item is there; `recalled` then yields it."""
        content = digest_of(item) + (index.to_bytes(8, "little") if self.is_seeded else b"")
        number = self.occurrences[content]
        self.occurrences[content] += 1
        key = hashlib.blake2b(self.function + content + number.to_bytes(8, "little"), digest_size=32).digest()
        value = self.values.get(key)
        if value is None:
            self.keys[index] = key
            return False
        self.found.append((index, value))
        self.count += 1
        return True

    def recalled(self) -> Iterator[Result]:
        """Yield the results that were there."""
        found, self.found = self.found, []
        for index, value in found:
            yield Result(range(index, index + 1), [pickle.loads(value)], {})

    def record(self, result: Result) -> None:
        """Write the results down; failures are left to the next time."""
        parts: list[bytes] = []
        for at, (index, value) in enumerate(zip(result.indices, result.values, strict=True)):
            key = self.keys.pop(index, None)
            if at in result.errors or key is None:
                continue
            record = key + dumps(value)
            parts.append(_HEADER.pack(len(record), zlib.crc32(record)) + record)
        if parts:
            self._write(b"".join(parts))

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[self.file.write(view) or 0 :]
            if time.monotonic() - self.synced > _SYNC_S:
                os.fdatasync(self.file.fileno())
                self.synced = time.monotonic()
        except OSError as error:
            hint = "free some space; what was recorded is kept"
            raise UnavailableError(f"the journal {self.path} cannot be written: {error}\nhint: {hint}") from error

    def close(self) -> None:
        """Bring all to the disk."""
        if not self.file.closed:
            os.fdatasync(self.file.fileno())
            self.file.close()
