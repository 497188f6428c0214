"""What a hand draws on the mask, until it is written down or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.gui import napari_private as private

if TYPE_CHECKING:
    from napari.layers import Labels

    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.session import ReviewSession

__all__ = ["Strokes"]


class Strokes:
    """Writes each stroke into the session, and keeps polygons with their slices.

    napari paints into the session's mask while the button is down and tells of it when
    the button is let go. Whatever happens meanwhile (another slice, undo, the series is
    closed) first ends the stroke: it is one edit of the slice on which it was painted,
    and nothing comes between its voxels and the journal.

    Parameters
    ----------
    bench : Workbench
        What is open.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._layer: Labels | None = None
        self._is_writing = False
        self._k = 0
        self._polygons: dict[int, list[Any]] = {}

    def take(self, layer: Labels) -> None:
        """Listen to the layer on which people paint."""
        self._layer = layer
        layer.events.paint.connect(self._on_paint)

    def follow(self, session: ReviewSession) -> None:
        """Listen to a session that was opened."""
        self._k = session.k
        self.drop_polygons()
        session.settling.connect(self.finish)

    # ---- strokes ------------------------------------------------------------

    def finish(self) -> None:
        """End the stroke that is being painted, as letting the button go would."""
        if self._layer is not None and not self._is_writing:
            private.end_stroke(self._layer)

    def unfreeze(self) -> None:
        """Let the brush paint again whose size was being changed by the mouse."""
        if self._layer is not None:
            private.unfreeze_brush(self._layer)

    @property
    def are_clicks(self) -> bool:
        """Whether the tool acts where the button is pressed, and is done then."""
        return self._layer is not None and str(self._layer.mode) == "fill"

    def _on_paint(self, event: Any) -> None:
        """Write a finished stroke into the journal before anything else happens."""
        session, layer = self._bench.session, self._layer
        if session is None or layer is None:
            return
        stroke = private.stroke_of(layer, event.value)
        if stroke is None:
            return
        mode = str(layer.mode)
        kind = {"paint": "brush", "erase": "eraser"}.get(mode, mode)
        self._is_writing = True
        try:
            session.record(kind, stroke.where, stroke.before, stroke.after)
            # What somebody paints is not out of sight.
            self._bench.view.hidden -= {int(v) for v in np.unique(stroke.after)}
        except MedlabError as error:
            # The session has put the voxels back and said so (`edited`).
            self._bench.fail(error, _("The stroke was taken back"))
        finally:
            self._is_writing = False

    # ---- polygons -----------------------------------------------------------

    def turn_to(self, k: int) -> None:
        """Put the polygon of the slice left aside, and take up the one of slice k."""
        if self._layer is None or k == self._k:
            return
        corners = private.polygon_corners(self._layer)
        if corners:
            self._polygons[self._k] = corners
        self._k = k
        private.set_polygon_corners(self._layer, self._polygons.pop(k, []))

    def drop_polygons(self) -> None:
        """Forget all polygons that are half drawn."""
        self._polygons.clear()
        if self._layer is not None:
            private.set_polygon_corners(self._layer, [])
