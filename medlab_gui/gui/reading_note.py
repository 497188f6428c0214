"""What lies over a picture that is still being read: how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

from medlab_gui.core.i18n import _, counted

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["ReadingNote", "reading_text"]

_CORNER_LINES = 3
_MARGIN = 10


def reading_text(bench: Workbench) -> str:
    """Say how far the open series is read; empty where it is in the project.

    Parameters
    ----------
    bench : Workbench
        What is open.
    """
    from medlab_gui.review.provisional import ProvisionalSession

    session, opening = bench.session, bench.incoming.opening
    if not isinstance(session, ProvisionalSession):
        return ""
    lines = []
    if not session.is_filled(session.k):
        lines.append(_("Slice {k} is read next.").format(k=session.k + 1))
    if opening is not None and opening.is_importing:
        lines.append(_("All read; it is being taken into the project."))
    elif opening is not None and opening.is_read:
        lines.append(_("All read; waiting for what you choose about its geometry."))
    else:
        lines.append(
            _("Reading {n} of {total}.").format(
                n=session.n_read,
                total=counted(session.n_to_read, "1 slice", "{n} slices"),
            )
        )
    lines.append(_("Editing and prediction begin when it is in the project."))
    return "\n".join(lines)


class ReadingNote(QLabel):
    """A label at the bottom of the picture; the mouse does not feel it.

    Parameters
    ----------
    bench : Workbench
        What is open.
    canvas : QWidget
        What it lies on.
    """

    def __init__(self, bench: Workbench, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._bench = bench
        self._canvas = canvas
        self.setObjectName("reading_note")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMargin(6)
        canvas.installEventFilter(self)
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._refresh)
        bench.incoming.opening_changed.connect(self._refresh)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in place whatever the size of the picture."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _on_session(self) -> None:
        session = self._bench.session
        if session is not None and session.is_provisional:
            session.arrived.connect(self._refresh)
        self._refresh()

    def _refresh(self, *_args: object) -> None:
        text = reading_text(self._bench)
        self.setVisible(bool(text))
        if text and text != self.text():
            self.setText(text)
            self._place()

    def _place(self) -> None:
        self.adjustSize()
        # Above the two lines of text in the corner, also where the picture is narrow.
        below = _CORNER_LINES * self.fontMetrics().lineSpacing() + _MARGIN
        self.move(
            max(0, (self._canvas.width() - self.width()) // 2),
            max(0, self._canvas.height() - self.height() - below),
        )
        self.raise_()
