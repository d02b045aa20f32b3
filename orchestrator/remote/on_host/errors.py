"""What cannot be done on the host, in words for the controller."""

from __future__ import annotations

import errno
from typing import Any


class Refused(Exception):
    """A request that cannot be done, as told to the controller."""

    def __init__(self, what: str, kind: str = "failed", **fields: Any) -> None:
        super().__init__(what)
        self.fields = dict(fields, kind=kind, what=what)


def why(error: OSError) -> str:
    """An OSError in words, with its symbol."""
    return f"{error.strerror} ({errno.errorcode.get(error.errno or 0, error.errno)})"
