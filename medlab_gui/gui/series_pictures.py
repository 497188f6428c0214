"""Small pictures of series, in files and in the project, made on a thread and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from medlab_gui.core.errors import MedlabError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qtpy.QtGui import QImage

    from medlab_gui.core.jobs import Job, JobContext
    from medlab_gui.core.records import Series
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.io import FileSeries

__all__ = ["SeriesPictures"]

_AT_ONCE = 8
"""Pictures of one job: they are shown together, and a cancelled job loses few."""

Key = tuple[str, int]
"""A series, and how many slices were known when its middle was looked for."""


class SeriesPictures:
    """Pictures of middle slices in the window that fits them.

    Parameters
    ----------
    bench : Workbench
        Whose project and whose files.
    side : int
        Longer side in device pixels.

    Attributes
    ----------
    ready : Signal()
        There are more.
    """

    ready = Signal()

    def __init__(self, bench: Workbench, side: int) -> None:
        self._bench = bench
        self._side = side
        self._made: dict[str, QImage] = {}
        self._tried: set[Key] = set()
        self._wanted: dict[Key, FileSeries | Series] = {}
        self._job: Job | None = None

    def get(self, uid: str) -> QImage | None:
        """Return the picture of a series, or None where there is none (yet)."""
        return self._made.get(uid)

    def want(self, series: Iterable[FileSeries | Series]) -> None:
        """Order pictures of series; what has one of as many slices is left out."""
        for one in series:
            key = (one.uid, one.n_slices)
            if key not in self._tried:
                self._wanted[key] = one
        self._next()

    def _next(self) -> None:
        if self._job is not None or not self._wanted:
            return
        batch = [self._wanted.pop(key) for key in list(self._wanted)[:_AT_ONCE]]
        self._tried.update((one.uid, one.n_slices) for one in batch)
        place, side = self._bench.project_place, self._side

        def work(ctx: JobContext) -> dict[str, QImage]:
            made = {}
            for one in batch:
                ctx.check()
                try:
                    picture = _draw(one, place, side)
                except MedlabError:
                    continue  # opening it will say why
                if picture is not None:
                    made[one.uid] = picture
            return made

        self._job = self._bench.submit(
            "",
            work,
            on_done=self._done,
            on_end=self._on_end,
            lane="pictures",
            newest_wins=False,
        )

    def _done(self, made: dict[str, QImage]) -> None:
        self._made.update(made)
        if made:
            self.ready.emit()

    def _on_end(self) -> None:
        self._job = None
        self._next()


def _draw(series: FileSeries | Series, place: str, side: int) -> QImage | None:
    from medlab_gui.core.records import Series
    from medlab_gui.gui.pictures import thumbnail
    from medlab_gui.imaging.window import default_window

    if isinstance(series, Series):
        from medlab_gui.store.project import ProjectStore

        with ProjectStore.open(place) as store:
            voxels = store.array(series.blob)
            picture = np.asarray(voxels[series.n_slices // 2])
        spacing = series.grid.spacing[1:]
    else:
        from medlab_gui.io.glimpse import middle_slice

        found = middle_slice(series)
        if found is None:
            return None
        picture, spacing = found
    level, width = default_window(
        picture, series.modality, series.window, series.display.padding
    )
    image = thumbnail(picture, spacing, (level, width), side)
    if series.display.inverted:
        image.invertPixels()
    return image
