"""What differs between two recipes."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["spec_changes"]

_PLAIN = 1e15
"""Whole numbers up to here are written without an exponent."""


def spec_changes(one: Any, other: Any) -> list[tuple[str, str, str]]:
    """Return what differs between two recipes as plain data.

    Parameters
    ----------
    one, other : dict
        As `TrainSpec.to_dict` returns them; older ones may lack keys.

    Returns
    -------
    list of tuple of str
        ``(key, before, after)``, such as ``("phases.1.lr", "0.001", "0.0003")``, in the
        order of the first; keys are those that ``medlab train --set`` takes, items of
        lists counted from 0; "" where there is none.
    """
    before, after = _flat(one), _flat(other)
    keys = [*before, *(k for k in after if k not in before)]
    return [
        (key, before.get(key, ""), after.get(key, ""))
        for key in keys
        if before.get(key) != after.get(key)
    ]


def _flat(data: Any, path: str = "") -> dict[str, str]:
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list | tuple):
        items = enumerate(data)
    elif path:
        if isinstance(data, float) and data.is_integer() and abs(data) < _PLAIN:
            data = int(data)  # 4 and 4.0 are the same in a recipe
        text = data if isinstance(data, str) else json.dumps(data)
        return {path: text}
    found: dict[str, str] = {}
    for key, value in items:
        found |= _flat(value, f"{path}.{key}" if path else str(key))
    return found
