"""Asks which series the open one is to be compared with."""

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
from medlab_gui.gui.pair.pair_files import found_beside, open_listed
from medlab_gui.imaging.pairing import GridPair

if TYPE_CHECKING:
    from medlab_gui.core.records import Series
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.io import FileSeries

__all__ = ["SeriesChooser"]

_UID = Qt.ItemDataRole.UserRole
_SHARES = Qt.ItemDataRole.UserRole + 1


class SeriesChooser(QDialog):
    """The series of the project, and those found in the files that were opened last.

    Those that lie in the same frame come first. One that is in files only is taken
    into the project when it is chosen.

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
        self.list.setAccessibleName(_("Series to compare with"))
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
        changed = bench.incoming.changed
        changed.connect(self._fill)  # held weakly, and let go of when it closes
        self.finished.connect(lambda _result: changed.disconnect(self._fill))

    def sizeHint(self) -> QSize:
        """Return the size of a list of some ten series."""
        return QSize(460, 380)

    def _fill(self) -> None:
        store, session = self._bench.store, self._bench.session
        if store is None or session is None:
            return
        try:
            stored = [s for s in store.series_list() if s.uid != session.series_uid]
            study = session.series.study_uid
            files = found_beside(self._bench)
        except MedlabError as error:
            self._bench.fail(error, self.windowTitle())
            return
        grid, kept = session.volume.grid, self._chosen()
        series: list[Series | FileSeries] = [*stored, *files]

        def shares(one: Series | FileSeries) -> bool:
            return one.grid is not None and GridPair(grid, one.grid).shares_frame

        def nearness(one: Series | FileSeries) -> tuple[bool, bool]:
            return (not shares(one), one.study_uid != study)

        self.list.clear()
        in_files = {one.uid for one in files}
        names = {one.uid: one.description for one in stored}
        names.update((one.uid, one.name) for one in files)
        for one in sorted(series, key=nearness):
            name = names.get(one.uid) or _("Series without a description")
            facts = [one.modality, counted(one.n_slices, "1 slice", "{n} slices")]
            if one.uid in in_files:
                facts.append(_("not in the project yet"))
            if shares(one):
                facts.append(_("same frame of reference"))
            item = QListWidgetItem(f"{name}\n{', '.join(facts)}", self.list)
            item.setData(_UID, one.uid)
            item.setData(_SHARES, shares(one))
            if one.uid == kept:
                self.list.setCurrentItem(item)
        if series and self.list.currentItem() is None:
            self.list.setCurrentRow(0)
        if not series:
            self.told.setText(
                _("The files are still being looked through.")
                if self._bench.incoming.is_scanning
                else _("There is no other series. Open the one to compare with first.")
            )
        for button in (self.beside, self.over):
            button.setEnabled(bool(series))

    def _chosen(self) -> str:
        item = self.list.currentItem()
        return "" if item is None else str(item.data(_UID))

    def _on_current(self, item: QListWidgetItem | None) -> None:
        shares = item is not None and item.data(_SHARES)
        self.told.setText(
            _("Both name the same frame of reference: they go by patient position.")
            if shares
            else _(
                "They do not name the same frame of reference: they are not "
                "synchronised unless you link them."
            )
        )

    def _open(self, *, overlay: bool) -> None:
        uid = self._chosen()
        if uid:
            self.accept()
            open_listed(self._bench, uid, overlay=overlay)

    def _beside(self, *_args: object) -> None:
        self._open(overlay=False)

    def _over(self, *_args: object) -> None:
        self._open(overlay=True)
