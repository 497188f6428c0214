"""How one side of a benchmark gives its figures to the one who asked."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn


def say(**figures: Any) -> NoReturn:
    """Write the result and end at once: taking the window down is not measured."""
    sys.stdout.write(f"\n@@{json.dumps(figures)}\n")
    sys.stdout.flush()
    os._exit(0)
