"""Names and times of what a project remembers."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

__all__ = ["new_id", "utc_now"]


def new_id() -> str:
    """Return a random name of 12 hexadecimal digits, short enough to type."""
    return secrets.token_hex(6)


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
