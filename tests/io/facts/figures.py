"""How facts are written down: numbers, places, and what another reader said."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_AT = ((0.5, 0.5, 0.5), (0.5, 0.25, 0.6), (0.3, 0.7, 0.4))
"""Where voxels are looked at, as fractions of the axes."""


def reason(error: RuntimeError) -> str:
    """Return ITK's last line without paths and addresses."""
    said = str(error).strip().splitlines()[-1].removeprefix("sitk::ERROR: ")
    return re.sub(r' for "[^"]*"|\(0x[0-9a-f]+\)|"?/[^ "]*"?', "", said)[:100].strip()


def indices(shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
    result = []
    for fractions in _AT:
        k, j, i = (int(f * n) for f, n in zip(fractions, shape, strict=True))
        result.append((k, j, i))
    return result


def values_of(values: Any) -> dict[str, Any]:
    sound = values[np.isfinite(values)]
    if not sound.size:
        return {"no_values": "no numbers"}
    fact: dict[str, Any] = {
        "min": plain(sound.min()),
        "max": plain(sound.max()),
        "mean": plain(sound.astype(np.float64).mean()),
    }
    if sound.size < values.size:
        fact["not_numbers"] = int(values.size - sound.size)
    return fact


def plain(value: Any) -> float | int | None:
    number = float(value)
    if not np.isfinite(number):
        return None
    if number.is_integer() and abs(number) < 2**53:
        return int(number)
    return float(f"{number:.7g}")


def rounded(values: Any) -> Any:
    return (np.round(np.asarray(values, dtype=np.float64), 4) + 0.0).tolist()
