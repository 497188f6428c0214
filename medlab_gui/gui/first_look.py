"""Lets a series be read on as soon as its first slice has been drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.workbench import Workbench

__all__ = ["FirstLook"]


class FirstLook(QObject):
    """Watches the picture for the first slice of what is being read.

    On few cores, threads that read the other slices would be in its way.

    Parameters
    ----------
    bench : Workbench
        What is being read.
    stage : Stage
        Whether it is on the picture.
    picture : QWidget
        Where it is drawn; the owner.
    """

    def __init__(self, bench: Workbench, stage: Stage, picture: QWidget) -> None:
        super().__init__(picture)
        self._bench, self._stage = bench, stage
        picture.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """See when the picture is drawn; take nothing."""
        if event.type() == QEvent.Type.Paint:
            opening, image = self._bench.incoming.opening, self._stage.image
            if (
                opening is not None
                and opening.session is not None
                and opening.session is self._bench.session
                and image is not None
                and image.visible
            ):
                # The event comes before what it asks for.
                QTimer.singleShot(0, self, opening.read_on)
        return False
