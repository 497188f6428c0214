"""Asks which series of the project the open one is to be compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _, counted
from medlab_gui.imaging.pairing import GridPair

if TYPE_CHECKING:
    from medlab_gui.core.records import Series
    from medlab_gui.gui.workbench import Workbench

__all__ = ["SeriesChooser"]

_UID = Qt.ItemDataRole.UserRole


class SeriesChooser(QDialog):
    """The series of the project, those that lie in the same frame first.

    Parameters
    ----------
    bench : Workbench
        A series is open.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Compare with another series"))
        self._bench = bench
        self.list = QListWidget()
        self.list.setAccessibleName(_("Series of the project"))
        self.list.itemDoubleClicked.connect(self._beside)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setObjectName("hint")
        buttons = QDialogButtonBox()
        self.beside = QPushButton(_("Show beside"))
        self.over = QPushButton(_("Lay over"))
        buttons.addButton(self.beside, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.over, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(_("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.beside.setDefault(True)
        self.beside.clicked.connect(self._beside)
        self.over.clicked.connect(self._over)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.told)
        layout.addWidget(buttons)
        self.list.currentItemChanged.connect(self._on_current)
        self._fill()

    def sizeHint(self) -> QSize:
        """Return the size of a list of some ten series."""
        return QSize(460, 380)

    def _fill(self) -> None:
        store, session = self._bench.store, self._bench.session
        if store is None or session is None:
            return
        try:
            series = [s for s in store.series_list() if s.uid != session.series_uid]
            study = session.series.study_uid
        except MedlabError as error:
            self._bench.fail(error, self.windowTitle())
            return
        grid = session.volume.grid

        def nearness(one: Series) -> tuple[bool, bool]:
            return (not GridPair(grid, one.grid).shares_frame, one.study_uid != study)

        for one in sorted(series, key=nearness):
            name = one.description or _("Series without a description")
            facts = [one.modality, counted(one.n_slices, "1 slice", "{n} slices")]
            if GridPair(grid, one.grid).shares_frame:
                facts.append(_("same frame of reference"))
            item = QListWidgetItem(f"{name}\n{', '.join(facts)}", self.list)
            item.setData(_UID, one.uid)
        if series:
            self.list.setCurrentRow(0)
        else:
            self.told.setText(
                _("The project has no other series. Import the one to compare with.")
            )
        for button in (self.beside, self.over):
            button.setEnabled(bool(series))

    def _on_current(self, item: QListWidgetItem | None) -> None:
        shares = item is not None and _("same frame of reference") in item.text()
        self.told.setText(
            _("Both name the same frame of reference: they go by patient position.")
            if shares
            else _(
                "They do not name the same frame of reference: they are not "
                "synchronised unless you link them."
            )
        )

    def _open(self, *, overlay: bool) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.accept()
            self._bench.pair.open(item.data(_UID), overlay=overlay)

    def _beside(self, *_args: object) -> None:
        self._open(overlay=False)

    def _over(self, *_args: object) -> None:
        self._open(overlay=True)
