"""How long work reports: the same call as `JobContext.progress`."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Reports, and may raise to stop the work (a cancelled job does)."""

    def __call__(
        self,
        done: float,
        total: float = 0,
        message: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        """Report that ``done`` of ``total`` steps are done."""


def silent(
    done: float,
    total: float = 0,
    message: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Report to nobody."""
