"""What differs between two recipes."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["spec_changes"]


def spec_changes(one: Any, other: Any) -> list[tuple[str, str, str]]:
    """Return what differs between two recipes as plain data.

    Parameters
    ----------
    one, other : dict
        As `TrainSpec.to_dict` returns them; older ones may lack keys.

    Returns
    -------
    list of tuple of str
        ``(key, before, after)``, such as ``("phases.2.lr", "0.001", "0.0003")``, in the
        order of the first; items of lists are counted from 1; "" where there is none.
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
        items = enumerate(data, start=1)
    elif path:
        text = data if isinstance(data, str) else json.dumps(data)
        return {path: text}
    found: dict[str, str] = {}
    for key, value in items:
        found |= _flat(value, f"{path}.{key}" if path else str(key))
    return found
