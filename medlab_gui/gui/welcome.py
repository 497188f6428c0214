"""What the picture shows before a study is open: what to do first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.resources import resource

if TYPE_CHECKING:
    from medlab_gui.core.jobs import Job
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Welcome"]

_BESIDE_BUTTONS = 60
"""Pixels of a row that are not its buttons'."""


class Welcome(QWidget):
    """Covers the picture while no series is open.

    Parameters
    ----------
    bench : Workbench
        What its buttons act on.
    canvas : QWidget
        What it covers.
    """

    def __init__(self, bench: Workbench, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._bench = bench
        self._canvas = canvas
        self.setObjectName("welcome")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        icon = QLabel()
        pixels = QIcon(str(resource("icons", "medlab.svg"))).pixmap(
            96, 96, QIcon.Mode.Normal
        )
        icon.setPixmap(pixels)
        icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = QLabel("MedLab")
        title.setObjectName("welcome_title")
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text = QLabel()
        self._text.setObjectName("welcome_text")
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text.setWordWrap(True)
        self._open = QPushButton(_("Open a study…"))
        self._open.setDefault(True)
        self._open.clicked.connect(self._on_open)
        self._demo = QPushButton(_("Try the demo study"))
        self._demo.clicked.connect(self._on_demo)
        drop = QLabel(
            _("or drop a folder or file here\nDICOM, NIfTI, NRRD or MetaImage")
        )
        drop.setObjectName("welcome_drop")
        drop.setAlignment(Qt.AlignmentFlag.AlignCenter)
        drop.setWordWrap(True)
        self._buttons = buttons = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        buttons.addStretch()
        buttons.addWidget(self._open)
        buttons.addWidget(self._demo)
        buttons.addStretch()
        middle = QVBoxLayout()
        middle.setSpacing(14)
        for widget in (icon, title, self._text):
            middle.addWidget(widget)
        middle.addLayout(buttons)
        middle.addWidget(drop)
        note = QLabel(_("For research. Not a medical device, not for diagnosis."))
        note.setObjectName("hint")
        note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        note.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        row = QHBoxLayout()
        row.addStretch()
        row.addLayout(middle)
        row.addStretch()
        layout.addLayout(row)
        layout.addStretch(3)
        layout.addWidget(note)
        canvas.installEventFilter(self)
        bench.session_changed.connect(self._refresh)
        bench.project_changed.connect(self._refresh)
        bench.job_started.connect(self._on_job)
        bench.job_finished.connect(self._on_job)
        self._refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the picture whatever its size."""
        if event.type() == QEvent.Type.Resize:
            self._cover()
        return False

    def _cover(self) -> None:
        self.setGeometry(self._canvas.rect())
        both = self._open.sizeHint().width() + self._demo.sizeHint().width()
        self._buttons.setDirection(
            QBoxLayout.Direction.LeftToRight
            if self.width() > both + _BESIDE_BUTTONS
            else QBoxLayout.Direction.TopToBottom
        )

    def _on_job(self, job: Job) -> None:
        self._refresh()

    def _refresh(self) -> None:
        bench = self._bench
        if self.isHidden() != (bench.session is not None):
            self.setVisible(bench.session is None)
        if bench.session is not None:
            return
        busy = [j.title for j in bench.jobs.active if j.title]
        if busy:
            self._text.setText(f"{busy[0]}…")
        elif self._has_series():
            self._text.setText(
                _("Double-click a series under Studies, or open another study.")
            )
        else:
            self._text.setText(
                _(
                    "Open a CT or MR study, let a model outline it, correct what is "
                    "wrong, and label next what the model is least sure of."
                )
            )
        self._cover()
        self.raise_()

    def _has_series(self) -> bool:
        store = self._bench.store
        try:
            return store is not None and store.n_series() > 0
        except MedlabError:  # it has gone; who wants to work in it says so
            return True

    def _on_open(self) -> None:
        self._bench.launch("import")

    def _on_demo(self) -> None:
        self._bench.launch("demo")
