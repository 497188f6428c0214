"""Which of the processes of one training this is; known without loading torch."""

from __future__ import annotations

import os

__all__ = ["leads"]


def leads() -> bool:
    """Tell whether this process is alone, or the first of those that torchrun started.

    The first judges, writes and reports for all.
    """
    alone = int(os.environ.get("WORLD_SIZE", "1")) < 2
    return alone or int(os.environ.get("RANK", "0")) == 0
