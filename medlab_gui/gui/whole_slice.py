"""What a slice shows as a whole: how a person labels for classifiers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMenu, QToolButton, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.reviewing import label_whole_slice

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["WholeSliceButton"]


class WholeSliceButton(QToolButton):
    """Labels the slice shown with the chosen class, or by its menu with another.

    Parameters
    ----------
    bench : Workbench
        What is open.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self.setText(_("Label the whole slice"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        policy = self.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Expanding)
        self.setSizePolicy(policy)
        menu = QMenu(self)
        menu.aboutToShow.connect(self.fill)
        self.setMenu(menu)
        self.clicked.connect(lambda: label_whole_slice(bench, bench.view.value))

    def fill(self) -> None:
        """Offer the classes of the open series, and that it shows none of them."""
        menu, session = self.menu(), self._bench.session
        menu.clear()
        for one in session.scheme.classes if session is not None else ():
            act = menu.addAction(one.name)
            act.triggered.connect(partial(self._label, one.value))
        none = menu.addAction(_("None of them"))
        none.triggered.connect(partial(self._label, 0))

    def _label(self, value: int, *_checked: bool) -> None:
        label_whole_slice(self._bench, value)
