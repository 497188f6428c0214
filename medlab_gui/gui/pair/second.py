"""The series that the open one is compared with: its voxels and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.commands.measurements import caution
from medlab_gui.core.i18n import _
from medlab_gui.core.volume import Volume

if TYPE_CHECKING:
    from medlab_gui.core.display import Display

__all__ = ["SecondSeries", "load_second"]

_SUV_WINDOW = (5.0, 10.0)
"""Level and width: 0 to 10, in which PET is commonly read."""


@dataclass(frozen=True, eq=False)
class SecondSeries:
    """A series to look at; nothing in it is edited.

    Parameters
    ----------
    volume : Volume
        Its voxels, mapped from the disk, on its working grid.
    title : str
        What a person reads.
    display : Display
        How its files ask to be shown.
    window : tuple of float
        Level and width in which it opens.
    caution : str
        Why lengths in it cannot be relied on; empty where they can.
    not_measured : frozenset of int
        Slices that a resampling had to fill.
    filling : tuple of float or None
        What it filled them, and parts of others, with.
    sides_assumed : bool
        Whether its files leave left and right in doubt.
    """

    volume: Volume
    title: str
    display: Display
    window: tuple[float, float]
    caution: str = ""
    not_measured: frozenset[int] = frozenset()
    filling: tuple[float, float] | None = None
    sides_assumed: bool = False

    @property
    def uid(self) -> str:
        """Which series it is."""
        return self.volume.series_uid

    @property
    def units(self) -> str:
        """Units of its values, as a person reads them."""
        return self.volume.units or _("a.u.")


def load_second(place: str, uid: str) -> SecondSeries:
    """Read a series of a project; on any thread.

    Parameters
    ----------
    place : str
        The project.
    uid : str
        The series.

    Raises
    ------
    MedlabError
        If the project has no such series, or it cannot be read.
    """
    from medlab_gui.imaging.window import default_window
    from medlab_gui.store.project import ProjectStore

    with ProjectStore.open(place) as store:
        series = store.series(uid)
        volume = Volume(
            store.array(series.blob), series.grid, series.modality, series.units, uid
        )
    if series.modality == "PT" and series.units == "SUV":
        window = _SUV_WINDOW
    else:
        middle = np.asarray(volume.data[series.n_slices // 2])
        level, width = default_window(
            middle, series.modality, series.window, series.display.padding
        )
        window = (float(level), float(width))
    title = series.description or _("Series without a description")
    return SecondSeries(
        volume,
        title,
        series.display,
        window,
        caution(series),
        series.not_measured(),
        series.filling,
        series.sides_assumed,
    )
