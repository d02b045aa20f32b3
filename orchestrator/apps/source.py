"""The C sources as they travel to hosts: which files, their digest, and one archive of them."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from orchestrator.errors import UsageError

SUFFIXES = frozenset({".c", ".h", ".build", ".txt"})
DIGEST_CHARACTERS = 16


@dataclass(frozen=True)
class SourceTree:
    """The folder `dpdk_apps` of a checkout."""

    root: Path

    @cached_property
    def files(self) -> tuple[tuple[PurePosixPath, bytes], ...]:
        """Every source file with its contents, ordered by path. Raises UsageError if there is none."""
        found = sorted(
            path
            for path in self.root.rglob("*")
            if path.is_file() and path.suffix in SUFFIXES and not any(part.startswith(".") for part in path.parts[-3:])
        )
        if not found:
            raise UsageError(f"no sources in {self.root}", remedy="run the tool from a whole checkout")
        return tuple((PurePosixPath(path.relative_to(self.root)), path.read_bytes()) for path in found)

    @cached_property
    def digest(self) -> str:
        """Digest over names and contents (16 hexadecimal digits of SHA-256); equal digests build equal programs."""
        digest = hashlib.sha256()
        for name, contents in self.files:
            digest.update(f"{name}\0{len(contents)}\0".encode())
            digest.update(contents)
        return digest.hexdigest()[:DIGEST_CHARACTERS]

    def archive(self) -> bytes:
        """A gzipped tar of the files, the same bytes for the same sources."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=6) as archive:
            for name, contents in self.files:
                member = tarfile.TarInfo(str(name))
                member.size = len(contents)
                member.mode = 0o644
                archive.addfile(member, io.BytesIO(contents))
        return buffer.getvalue()
