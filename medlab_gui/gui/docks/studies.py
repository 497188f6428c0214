"""Patients, their studies and series; a double click opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.records import Severity
from medlab_gui.gui.pair.pair_actions import add_compare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qtpy.QtCore import QPoint

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.core.records import Problem, Series
    from medlab_gui.gui.workbench import Workbench

__all__ = ["StudiesDock", "problem_text"]

_UID = Qt.ItemDataRole.UserRole
_SIDE = 40


def problem_text(problems: Iterable[Problem]) -> str:
    """Return one line for each problem that deserves a look."""
    return "\n".join(
        f"• {p.message}" for p in problems if p.severity is not Severity.NOTE
    )


class StudiesDock(QWidget):
    """The scans of the project.

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
        self._pictures: dict[str, QIcon] = {}
        self._known: Any = None
        self._rows: list[QTreeWidgetItem] = []
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels([_("Study"), _("Labelled")])
        self.tree.setAccessibleName(_("Studies of the project"))
        self.tree.setIconSize(QSize(_SIDE, _SIDE))
        self.tree.setIndentation(12)
        self.tree.setUniformRowHeights(False)
        self.tree.setRootIsDecorated(True)
        self.tree.setExpandsOnDoubleClick(False)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.itemActivated.connect(self._on_activated)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_menu)
        self.empty = QLabel(
            _("No studies yet. Open one, or drop a folder onto the picture.")
        )
        self.empty.setObjectName("hint")
        self.empty.setWordWrap(True)
        open_ = QPushButton(_("Open study…"))
        open_.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        open_.clicked.connect(self._on_open)
        row = QHBoxLayout()
        row.addWidget(open_)
        row.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(row)
        layout.addWidget(self.empty)
        layout.addWidget(self.tree, 1)
        layout.addStretch()
        workbench.project_changed.connect(self.refresh)
        workbench.session_changed.connect(self._mark_open)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return a narrow panel."""
        return QSize(260, 300)

    # ---- content ----------------------------------------------------------------

    def refresh(self) -> None:
        """Read the project again; nothing is redrawn where nothing changed."""
        store = self._bench.store
        if store is None:
            return
        try:
            studies = store.studies()
            series = store.series_list()
            counts = {}
            for one in series:
                annotation = store.latest_annotation(one.uid)
                counts[one.uid] = len(annotation.confirmed) if annotation else 0
        except MedlabError as error:
            self._bench.fail(error, _("Studies"))
            return
        known = ([s.uid for s in studies], [s.uid for s in series], counts)
        if known == self._known:
            return
        self._known = known
        self.tree.clear()
        self._rows = []
        by_patient: dict[str, QTreeWidgetItem] = {}
        for study in studies:
            own = [s for s in series if s.study_uid == study.uid]
            if not own:
                continue
            patient = by_patient.get(study.patient_key)
            if patient is None:
                name = _("Patient {key}").format(key=study.patient_key[:8])
                patient = QTreeWidgetItem(self.tree, [name])
                patient.setToolTip(0, _("A pseudonym: MedLab keeps no patient's name."))
                patient.setFirstColumnSpanned(True)
                by_patient[study.patient_key] = patient
            text = "  ".join(t for t in (study.date, study.description) if t)
            visit = QTreeWidgetItem(patient, [text or _("Study without a date")])
            visit.setFirstColumnSpanned(True)
            for one in own:
                self._add_series(visit, one, counts[one.uid])
        self.tree.expandAll()
        self.empty.setVisible(not series)
        self.tree.setVisible(bool(series))
        self._mark_open()
        missing = [s for s in series if s.uid not in self._pictures]
        if missing:
            self._load_pictures(missing)

    def _add_series(
        self, visit: QTreeWidgetItem, series: Series, labelled: int
    ) -> None:
        problems = problem_text(series.problems)
        name = series.description or _("Series without a description")
        warning = "⚠ " if problems else ""
        size = _("{n} slices").format(n=series.n_slices)
        item = QTreeWidgetItem(
            visit,
            [f"{warning}{name}\n{series.modality}, {size}", f"{labelled}"],
        )
        item.setData(0, _UID, series.uid)
        self._rows.append(item)
        dz, dy, dx = series.grid.spacing
        tip = _("{name}\n{n} slices, voxels {dx:.3g} x {dy:.3g} x {dz:.3g} mm").format(
            name=name, n=series.n_slices, dx=dx, dy=dy, dz=dz
        )
        item.setToolTip(0, f"{tip}\n{problems}".strip())
        item.setToolTip(
            1,
            _("{k} of {n} slices are labelled").format(k=labelled, n=series.n_slices),
        )
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignCenter)
        if series.uid in self._pictures:
            item.setIcon(0, self._pictures[series.uid])

    def _items(self) -> list[QTreeWidgetItem]:
        return list(self._rows)

    def _mark_open(self) -> None:
        session = self._bench.session
        for item in self._items():
            font = item.font(0)
            is_open = session is not None and item.data(0, _UID) == session.series_uid
            font.setBold(is_open)
            item.setFont(0, font)
            if is_open:
                self.tree.setCurrentItem(item)

    # ---- pictures ---------------------------------------------------------------

    def _load_pictures(self, series: list[Series]) -> None:
        place = self._bench.project_place
        side = round(_SIDE * self.devicePixelRatioF())

        def work(ctx: JobContext) -> dict[str, QImage]:
            import numpy as np

            from medlab_gui.gui.pictures import thumbnail
            from medlab_gui.imaging.window import default_window
            from medlab_gui.store.project import ProjectStore

            found = {}
            with ProjectStore.open(place) as store:
                for one in series:
                    ctx.check()
                    voxels = store.array(one.blob)
                    middle = np.asarray(voxels[one.n_slices // 2])
                    found[one.uid] = thumbnail(
                        middle,
                        one.grid.spacing[1:],
                        default_window(
                            middle, one.modality, one.window, one.display.padding
                        ),
                        side,
                    )
            return found

        def failed(_error: BaseException) -> None:
            """Leave the series without a picture; opening it will say why."""

        self._bench.submit(
            "",
            work,
            on_done=self._on_pictures,
            on_error=failed,
            lane="thumbnail",
            newest_wins=False,
        )

    def _on_pictures(self, found: dict[str, QImage]) -> None:
        for uid, image in found.items():
            pixmap = QPixmap.fromImage(image)
            icon = QIcon(pixmap)
            # Grey values stay as they are in a selected row.
            icon.addPixmap(pixmap, QIcon.Mode.Selected)
            self._pictures[uid] = icon
        for item in self._items():
            picture = self._pictures.get(item.data(0, _UID))
            if picture is not None:
                item.setIcon(0, picture)

    # ---- doing ------------------------------------------------------------------

    def _on_activated(self, item: QTreeWidgetItem, _column: int) -> None:
        uid = item.data(0, _UID)
        if uid is None:
            item.setExpanded(not item.isExpanded())
        else:
            self._bench.open_series(uid)

    def _on_menu(self, at: QPoint) -> None:
        item = self.tree.itemAt(at)
        uid = item.data(0, _UID) if item is not None else None
        if uid is not None:
            menu = QMenu(self.tree)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            add_compare(menu, self._bench, uid)
            menu.popup(self.tree.viewport().mapToGlobal(at))

    def _on_open(self) -> None:
        self._bench.launch("import")
