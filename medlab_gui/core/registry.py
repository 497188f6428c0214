"""Names that lead to things, loaded when they are used."""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from medlab_gui.core.errors import SpecError

__all__ = ["Registry", "load_dotted"]

T = TypeVar("T")
_log = logging.getLogger(__name__)


def load_dotted(target: str) -> Any:
    """Import and return ``"package.module:name"``."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping from names to things that are imported on first use.

    Parameters
    ----------
    kind : str
        What is in it, for messages: ``"network"``.
    targets : dict of str to str
        Name to ``"package.module:attribute"``.
    entry_point_group : str, optional
        Plugins add names through this group of entry points. One that fails to load
        is reported in the log and left out.
    """

    def __init__(
        self,
        kind: str,
        targets: dict[str, str],
        entry_point_group: str | None = None,
    ) -> None:
        self._kind = kind
        self._targets = dict(targets)
        self._group = entry_point_group
        self._loaded: dict[str, T] = {}
        self._from_plugins: set[str] = set()
        self._plugins_read = entry_point_group is None

    def _names(self) -> dict[str, str]:
        if not self._plugins_read and self._group:
            from importlib.metadata import entry_points

            self._plugins_read = True
            for point in entry_points(group=self._group):
                if point.name in self._targets:
                    _log.warning("Plugin %s: name already taken.", point.name)
                else:
                    self._targets[point.name] = point.value
                    self._from_plugins.add(point.name)
        return self._targets

    def __getitem__(self, name: str) -> T:
        if name not in self._loaded:
            names = self._names()
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                msg = (
                    f"There is no {self._kind} named {name!r}; "
                    f"known are {', '.join(sorted(names))}.{hint}"
                )
                raise SpecError(msg)
            try:
                self._loaded[name] = cast("T", load_dotted(names[name]))
            except (ImportError, AttributeError) as error:
                if name not in self._from_plugins:
                    raise
                _log.warning("The plugin of %r does not load: %s", name, error)
                del self._targets[name]
                msg = (
                    f"The plugin that brings the {self._kind} {name!r} does not load "
                    f"({error}); install it again or remove it."
                )
                raise SpecError(msg) from error
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())
