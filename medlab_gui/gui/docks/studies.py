"""The study browser: what was opened last, and what is in the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QIcon, QKeyEvent, QPixmap
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _, counted
from medlab_gui.gui.pair.pair_actions import add_compare
from medlab_gui.gui.pair.pair_files import can_open
from medlab_gui.gui.series_pictures import SeriesPictures
from medlab_gui.gui.study_rows import (
    SeriesRow,
    in_files,
    in_project,
    problem_text,
)
from medlab_gui.gui.study_tree import PICTURE_SIDE, StudyTree
from medlab_gui.gui.when_seen import WhenSeen

if TYPE_CHECKING:
    from qtpy.QtCore import QPoint

    from medlab_gui.core.jobs import Job, Progress
    from medlab_gui.gui.workbench import Workbench

__all__ = ["StudiesDock", "problem_text"]


class StudiesDock(QWidget):
    """Patients, studies and series, with pictures and a search.

    What lies in the folder that was opened last is above what is in the project.
    A double click, or Enter, opens a series.

    Parameters
    ----------
    workbench : Workbench
        What is open.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._known: Any = None
        self._stored: tuple[SeriesRow, ...] = ()
        self._files: tuple[SeriesRow, ...] = ()
        self._icons: dict[int, QIcon] = {}
        side = round(PICTURE_SIDE * self.devicePixelRatioF())
        self.pictures = SeriesPictures(workbench, side)
        self._build()
        self._seen = WhenSeen(self, self.refresh)
        workbench.project_changed.connect(self._seen.ask)
        workbench.session_changed.connect(self._mark_open)
        workbench.incoming.changed.connect(self._on_incoming)
        workbench.job_progressed.connect(self._on_progress)
        self.pictures.ready.connect(self._show_pictures)
        self.refresh()

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText(_("Search"))
        self.search.setToolTip(_("Name, study, series, modality or date"))
        self.search.setAccessibleName(_("Search studies"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search)
        self.search.installEventFilter(self)
        self.no_match = QLabel()
        self.no_match.setObjectName("hint")
        self.no_match.setWordWrap(True)
        self.no_match.setTextFormat(Qt.TextFormat.PlainText)
        self.show_all = QPushButton(_("Show all"))
        self.show_all.setAccessibleName(_("Clear the search and show all studies"))
        self.show_all.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_all.clicked.connect(self.search.clear)
        self.tree = StudyTree()
        self.tree.itemActivated.connect(self._on_activated)
        self.tree.currentItemChanged.connect(self._show_details)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_menu)
        self.scanning = QLabel()
        self.scanning.setWordWrap(True)
        self.cancel = QPushButton(_("Stop"))
        self.cancel.setAccessibleName(_("Stop looking through the files"))
        self.cancel.clicked.connect(self._on_cancel)
        self.scan_row = QWidget()
        row = QHBoxLayout(self.scan_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.scanning, 1)
        row.addWidget(self.cancel)
        self.details = QLabel()
        self.details.setObjectName("hint")
        self.details.setWordWrap(True)
        self.details.setTextFormat(Qt.TextFormat.PlainText)
        self.empty = QLabel(
            _("No studies yet. Open one, or drop a folder onto the picture.")
        )
        self.empty.setObjectName("hint")
        self.empty.setWordWrap(True)
        open_ = QPushButton(_("Open study…"))
        open_.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        open_.clicked.connect(self._on_open)
        top = QHBoxLayout()
        top.addWidget(open_)
        top.addWidget(self.search, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(top)
        layout.addWidget(self.scan_row)
        layout.addWidget(self.empty)
        layout.addWidget(self.no_match)
        layout.addWidget(self.show_all, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.tree, 1)
        layout.addWidget(self.details)
        self.scan_row.hide()
        self.details.hide()
        self.empty.hide()
        self.no_match.hide()
        self.show_all.hide()

    def sizeHint(self) -> QSize:
        """Return a narrow panel."""
        return QSize(260, 300)

    # ---- content ----------------------------------------------------------------

    @property
    def rows(self) -> tuple[SeriesRow, ...]:
        """Every series that is listed, those of the files first."""
        return (*self._files, *self._stored)

    def refresh(self) -> None:
        """Read the project again; nothing is redrawn where nothing changed."""
        self._seen.done()
        store = self._bench.store
        if store is None:
            return
        try:
            studies = store.studies()
            series = store.series_list()
            accepted = store.n_confirmed()
        except MedlabError as error:
            self._bench.fail(error, _("Studies"))
            return
        counts = {one.uid: accepted.get(one.uid, 0) for one in series}
        names = self._names()
        known = ([s.uid for s in studies], [s.uid for s in series], counts, names)
        if known == self._known:
            return
        before, self._known = self._known, known
        self._stored = in_project(studies, series, counts, names)
        if before is not None and (before[:2], before[3]) == (known[:2], known[3]):
            self.tree.renew(self._stored)  # other figures only
            return
        self._fill()
        self.pictures.want(series)

    def _names(self) -> dict[str, str]:
        incoming = self._bench.incoming
        return dict(incoming.names) if self._bench.settings.show_names else {}

    def _on_incoming(self) -> None:
        incoming = self._bench.incoming
        # New names may be those of patients of the project.
        self.refresh()
        self._files = in_files(incoming.found, self._names())
        self.scan_row.setVisible(incoming.is_scanning)
        if incoming.is_scanning and incoming.places:
            self._tell(_("Looking for files…"))
        self._fill()
        self.pictures.want(incoming.found)

    def _fill(self) -> None:
        self.tree.fill(
            (
                (
                    _("In {name}").format(name=self._bench.incoming.place_name),
                    self._files,
                ),
                (_("In the project"), self._stored),
            )
        )
        self._show_pictures()
        self._on_search(self.search.text())
        self._mark_open()
        busy = self._bench.incoming.is_scanning
        self.empty.setVisible(not self.rows and not busy)
        self.tree.setVisible(bool(self.rows) or busy)

    def _mark_open(self) -> None:
        session = self._bench.session
        self.tree.mark_open(session.series_uid if session is not None else "")

    def _show_pictures(self) -> None:
        icons = {}
        for row in self.rows:
            image = self.pictures.get(row.uid)
            if image is None or row.uid in icons:
                continue
            icon = self._icons.get(image.cacheKey())
            if icon is None:
                pixmap = QPixmap.fromImage(image)
                icon = QIcon(pixmap)
                # Grey values stay as they are in a selected row.
                icon.addPixmap(pixmap, QIcon.Mode.Selected)
                self._icons[image.cacheKey()] = icon
            icons[row.uid] = icon
        self.tree.show_pictures(icons)

    # ---- looking through files ----------------------------------------------------

    def _on_progress(self, _job: Job, reports: tuple[Progress, ...]) -> None:
        incoming = self._bench.incoming
        if incoming.is_scan(_job):
            last = reports[-1]
            n = len(incoming.found)
            text = _("{n} series so far").format(n=n)
            if last.total:
                files = counted(round(last.total), "{n} file", "{n} files")
                text = _("{done:.0f} of {files}, {n} series so far").format(
                    done=last.done, files=files, n=n
                )
            self._tell(text)

    def _tell(self, text: str) -> None:
        self.scanning.setText(text)

    def _on_cancel(self) -> None:
        self._bench.incoming.cancel()

    # ---- search -------------------------------------------------------------------

    def _on_search(self, text: str) -> None:
        found = self.tree.show_only(text)
        nothing = bool(self.rows) and not found
        self.no_match.setText(
            _(
                "None of {n} series has “{text}” in its name, study, patient, modality "
                "or date."
            ).format(n=len(self.rows), text=text.strip())
        )
        self.no_match.setVisible(nothing)
        self.show_all.setVisible(nothing)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Lead from the search to what was found, by the keys."""
        if watched is not self.search or event.type() != QEvent.Type.KeyPress:
            return False
        assert isinstance(event, QKeyEvent)
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
            return True
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return):
            self.tree.go_to_first()
            return True
        return False

    # ---- doing ------------------------------------------------------------------

    def _show_details(self, item: QTreeWidgetItem | None) -> None:
        row = self.tree.row_of(item)
        text = "" if row is None else row.why
        self.details.setText(text)
        self.details.setVisible(bool(text))

    def _on_activated(self, item: QTreeWidgetItem, _column: int) -> None:
        row = self.tree.row_of(item)
        if row is None:
            item.setExpanded(not item.isExpanded())
        elif row.found is not None:
            self._bench.incoming.open_found(row.found)
        else:
            self._bench.open_series(row.uid)

    def _on_menu(self, at: QPoint) -> None:
        row = self.tree.row_of(self.tree.itemAt(at))
        if row is not None and (row.found is None or can_open(row.found)):
            menu = QMenu(self.tree)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            add_compare(menu, self._bench, row.uid)
            menu.popup(self.tree.viewport().mapToGlobal(at))

    def _on_open(self) -> None:
        self._bench.launch("import")
