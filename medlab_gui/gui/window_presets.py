"""Windows by name: those that MedLab ships, changed and added to by the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from medlab_gui.core.errors import SpecError
from medlab_gui.core.i18n import _
from medlab_gui.core.settings import WindowChoice
from medlab_gui.gui.choices import remember
from medlab_gui.gui.panes.marks import window_text
from medlab_gui.imaging.window import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from medlab_gui.core.volume import Volume
    from medlab_gui.gui.workbench import Workbench

__all__ = ["N_DIGITS", "SHIPPED_WINDOWS", "WindowPresets", "fits", "preset_id"]

N_DIGITS = 9
"""Presets that a digit of the keyboard chooses."""

SHIPPED_WINDOWS: tuple[WindowChoice, ...] = (
    *(
        WindowChoice(name=p.name, level=p.level, width=p.width, modality="CT")
        for p in PRESETS
    ),
    WindowChoice(name="SUV 0 to 5", level=2.5, width=5, modality="PT"),
    WindowChoice(name="SUV 0 to 10", level=5, width=10, modality="PT"),
)
"""CT in Hounsfield units, PET in standardised uptake values."""


def preset_id(n: int) -> str:
    """Return the id of the action of the ``n``-th preset, from 1."""
    return f"medlab.view.preset_{n}"


def fits(preset: WindowChoice, volume: Volume) -> bool:
    """Tell whether a preset means something for a scan.

    One of another modality does not; one for PET is in SUV and therefore no use for a
    scan that is still in Bq/ml or counts.
    """
    if preset.modality and preset.modality != volume.modality:
        return False
    return preset.modality != "PT" or "SUV" in (volume.units or "").upper()


class WindowPresets:
    """The person's list of windows, kept in the settings.

    Parameters
    ----------
    bench : Workbench
        Holds the settings and what is open.

    Attributes
    ----------
    changed : Signal()
        The list, or which of it fits what is open, changed.
    """

    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        bench.session_changed.connect(self._on_session)

    def _on_session(self) -> None:
        self.changed.emit()

    @property
    def all(self) -> tuple[WindowChoice, ...]:
        """Every preset, in the person's order."""
        chosen = self._bench.settings.window_presets
        return SHIPPED_WINDOWS if chosen is None else tuple(chosen)

    @property
    def usable(self) -> tuple[WindowChoice, ...]:
        """Those for the open series; the first nine have the digits."""
        session = self._bench.session
        if session is None:
            return ()
        return tuple(p for p in self.all if fits(p, session.volume))

    def apply(self, n: int, show: Callable[[float, float], object]) -> None:
        """Have something shown in the ``n``-th preset that fits the open series.

        Parameters
        ----------
        n : int
            From 1; where there is none, nothing happens.
        show : callable
            ``show(level, width)``.
        """
        if 1 <= n <= len(self.usable):
            preset = self.usable[n - 1]
            show(preset.level, preset.width)

    def save(self, presets: Sequence[WindowChoice]) -> None:
        """Keep another list; the shipped one is not written down.

        Raises
        ------
        SpecError
            If two presets of one modality have the same name.
        """
        seen: set[tuple[str, str]] = set()
        for preset in presets:
            key = (preset.name.casefold(), preset.modality)
            if key in seen:
                msg = _(
                    "Two windows are called {name!r}. Give one of them another name."
                ).format(name=preset.name)
                raise SpecError(msg)
            seen.add(key)
        own = tuple(presets) != SHIPPED_WINDOWS
        remember(
            self._bench,
            window_presets=[p.model_dump() for p in presets] if own else None,
        )
        self.changed.emit()

    def titles(self) -> dict[str, str]:
        """Return what the actions of the digits are called now, by id."""
        session = self._bench.session
        units = (session.volume.units or "") if session is not None else ""
        return {
            preset_id(n): f"{p.name}  ({window_text(p.level, p.width, units)})"
            for n, p in enumerate(self.usable[:N_DIGITS], start=1)
        }
