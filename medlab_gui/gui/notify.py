"""The one way in which the window says something: a bar, a dialog, or a bug report."""

from __future__ import annotations

import logging
import platform
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QHideEvent, QKeyEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QToolButton,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.gui.menu_words import menu_words
from medlab_gui.gui.notices import Level, Notice

if TYPE_CHECKING:
    from types import TracebackType

    from medlab_gui.gui.workbench import Workbench

__all__ = ["NoticeBar", "Notifier", "bug_report"]

_log = logging.getLogger(__name__)
_NARROW = 480
_MOST_AT_ONCE = 3
_SHOWN_MS = {Level.INFO: 6000, Level.WARNING: 12000, Level.ERROR: 0}


def bug_report(error: BaseException) -> str:
    """Return where a bug happened, without paths of the user and without data.

    Only file names, line numbers and the class of the error: an error's own words may
    hold a file name or a header, and with it a patient's name.
    """
    from importlib.metadata import PackageNotFoundError, version

    lines = [f"{type(error).__name__}"]
    for frame in traceback.extract_tb(error.__traceback__)[-12:]:
        lines.append(f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}")
    if error.__cause__ is not None:
        lines += ["caused by", bug_report(error.__cause__)]
        return "\n".join(lines)
    versions = []
    for package in ("medlab-gui", "napari", "PySide6-Essentials", "numpy"):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    system = f"Python {platform.python_version()} on {platform.platform()}"
    return "\n".join([*lines, ", ".join([*versions, system])])


def _root_cause(error: BaseException) -> BaseException:
    """Return the error itself where a signal library wrapped it."""
    while type(error).__name__ == "EmitLoopError" and error.__cause__ is not None:
        error = error.__cause__
    return error


class NoticeBar(QFrame):
    """A bar at the top of the pictures that goes by itself.

    What is worth a warning is not taken away by the next sentence: both are shown.
    Its buttons take the keys where they are asked to (`take_keys`) and by Tab among
    themselves; while one of them has the keys nothing goes away.

    Parameters
    ----------
    parent : QWidget
        The room of the pictures.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self.setObjectName("notice_bar")
        self._notices: list[Notice] = []
        self._before: QWidget | None = None
        self.text = QLabel()
        self.text.setWordWrap(True)
        self._buttons = QHBoxLayout()
        self.close_button = close = QToolButton()
        close.setText("✕")
        close.setAccessibleName(_("Close the message"))
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        close.clicked.connect(self.hide)
        close.installEventFilter(self)
        self._words = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._words.addWidget(self.text, 1)
        self._words.addLayout(self._buttons)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 5, 5, 5)
        layout.addLayout(self._words, 1)
        layout.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_time)
        parent.installEventFilter(self)
        self.hide()

    def tell(self, notice: Notice) -> None:
        """Show a notice, below the warnings that are still up."""
        up = self.notices
        kept = [n for n in up if n.level is Level.WARNING and n.text != notice.text]
        self._notices = [*kept[1 - _MOST_AT_ONCE :], notice]
        left = self._timer.remainingTime() if kept else 0
        self._show()
        self._timer.start(max(_SHOWN_MS[notice.level] or 12000, left))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is shown, the latest last."""
        return () if self.isHidden() else tuple(self._notices)

    def keep_about(self, series_uid: str) -> None:
        """Take away what is about another series."""
        left = [n for n in self.notices if n.about in ("", series_uid)]
        if len(left) < len(self.notices):
            self._notices = left
            self._show()

    @property
    def has_keys(self) -> bool:
        """Whether one of its buttons has the keys."""
        at = QApplication.focusWidget()
        return at is not None and self.isAncestorOf(at)

    def take_keys(self) -> None:
        """Give the keys to the first button; the last message comes back for that."""
        if self.isHidden() and self._notices:
            # What it offered may have been done, or be about what has gone since.
            self.tell(replace(self._notices[-1], actions=()))
        elif self.isHidden():
            self.tell(Notice(_("There has been no message yet.")))
        if not self.has_keys:
            self._before = QApplication.focusWidget()
        item = self._buttons.itemAt(0)
        first = item.widget() if item is not None else None
        (first or self.close_button).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_time(self) -> None:
        if self.has_keys:
            self._timer.start(_SHOWN_MS[Level.INFO])
        else:
            self.hide()

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the keys back to what had them."""
        before, self._before = self._before, None
        if before is not None and self.has_keys:
            with suppress(RuntimeError):  # it may have gone meanwhile
                before.setFocus(Qt.FocusReason.OtherFocusReason)
        super().hideEvent(event)

    def _show(self) -> None:
        if self.has_keys:  # not to a button that was not there a moment ago
            self.close_button.setFocus(Qt.FocusReason.OtherFocusReason)
        while (item := self._buttons.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        if not self._notices:
            self.hide()
            return
        for action in (a for n in self._notices for a in n.actions):
            button = QPushButton(action.text)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.installEventFilter(self)
            button.clicked.connect(action.run)
            button.clicked.connect(self.hide)
            self._buttons.addWidget(button)
        self.text.setText("\n".join(n.text for n in self._notices))
        warns = any(n.level is Level.WARNING for n in self._notices)
        self.setProperty("level", str(Level.WARNING if warns else Level.INFO))
        self.style().unpolish(self)
        self.style().polish(self)
        self._place()
        self.show()
        self.stay_above()

    def stay_above(self) -> None:
        """Lie above what has come over the pictures, and be painted."""
        self.raise_()
        # The comparison keeps all that it covers from painting; this lies above it.
        self.setUpdatesEnabled(True)

    def _place(self) -> None:
        parent = self._room
        width = min(620, max(240, parent.width() - 90))
        narrow = width < _NARROW and self._buttons.count() > 0
        self._words.setDirection(
            QBoxLayout.Direction.TopToBottom
            if narrow
            else QBoxLayout.Direction.LeftToRight
        )
        self.setFixedWidth(width)
        layout = self.layout()
        assert layout is not None
        layout.activate()
        # As high as the sentence needs in this width: nothing of it is cut off.
        self.resize(width, layout.totalHeightForWidth(width))
        self.move((parent.width() - width) // 2, 60)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the middle of the room; Enter presses a button, Escape closes."""
        if event.type() == QEvent.Type.Resize and watched is self._room:
            if self.isVisible():
                self._place()
        elif isinstance(watched, QAbstractButton) and isinstance(event, QKeyEvent):
            return self._on_key(watched, event)
        return False

    def _on_key(self, button: QAbstractButton, event: QKeyEvent) -> bool:
        pressed = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if event.key() not in pressed | {Qt.Key.Key_Escape} or event.isAutoRepeat():
            return event.key() in pressed
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
        elif event.type() == QEvent.Type.KeyPress and event.key() in pressed:
            button.click()
        elif event.type() == QEvent.Type.KeyPress:
            self.hide()
        return True


class Notifier(QObject):
    """Shows what the workbench has to say, and bugs.

    Parameters
    ----------
    bench : Workbench
        Who speaks.
    window : QWidget
        Owner of dialogs.
    room : QWidget
        Where the bar appears.
    """

    def __init__(self, bench: Workbench, window: QWidget, room: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.bar: NoticeBar = NoticeBar(room)
        self.dialogs: list[QMessageBox] = []
        self._hook_before: Any = None
        self._bench = bench
        bench.noticed.connect(self.show)
        bench.session_changed.connect(self._on_session)

    def show(self, notice: Notice) -> None:
        """Show a notice where its level belongs, in the window's words."""
        if notice.level is Level.REPORT:
            from medlab_gui.gui.dialogs.text_report import TextReport

            TextReport(notice.title, notice.text, self._window).open()
            return
        notice = replace(notice, text=menu_words(notice.text, notice.title))
        if notice.level is not Level.ERROR:
            self.bar.tell(notice)
            return
        if not notice.actions and notice.text in [d.text() for d in self.dialogs]:
            return  # a project that vanished is told by all that needed it
        box = self._box(QMessageBox.Icon.Warning, notice.title, notice.text)
        box.addButton(QMessageBox.StandardButton.Ok)
        for action in notice.actions:
            button = box.addButton(action.text, QMessageBox.ButtonRole.ActionRole)
            button.clicked.connect(action.run)
        box.open()

    def _on_session(self) -> None:
        session = self._bench.session
        if session is not None:
            self.bar.keep_about(session.series_uid)

    def _box(self, icon: QMessageBox.Icon, title: str, text: str) -> QMessageBox:
        box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(icon)
        box.setWindowTitle(title or "MedLab")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(text)
        self.dialogs.append(box)
        box.finished.connect(lambda _code: self.dialogs.remove(box))
        return box

    # ---- bugs -------------------------------------------------------------------

    def install(self) -> None:
        """Catch what nobody caught."""
        self._hook_before = sys.excepthook
        sys.excepthook = self._on_uncaught

    def uninstall(self) -> None:
        """Leave uncaught errors to whoever had them before."""
        if self._hook_before is not None:
            sys.excepthook = self._hook_before
            self._hook_before = None

    def _on_uncaught(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._window.close()
            return
        error = _root_cause(error)
        if isinstance(error, MedlabError):
            self.show(Notice(error.message, Level.ERROR))
            return
        self.show_bug(error)

    def show_bug(self, error: BaseException) -> None:
        """Say that it is our fault, with what a developer needs."""
        report = bug_report(error)
        _log.error("Bug: %s", report)
        if self.dialogs:
            return
        box = self._box(
            QMessageBox.Icon.Critical,
            _("This is a bug in MedLab"),
            _(
                "Something went wrong inside MedLab. Your strokes are on disk; you can "
                "go on. The details below hold no patient data: please send them to "
                "the developers."
            ),
        )
        box.setDetailedText(report)
        box.addButton(QMessageBox.StandardButton.Ok)
        box.open()
