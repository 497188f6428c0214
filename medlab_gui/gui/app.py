"""Start the window: ``medlab``, ``medlab PATH``, ``medlab --project DIR``."""

from __future__ import annotations

import argparse
import gc
import locale
import signal
import socket
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.places import as_path
from medlab_gui.core.settings import load_settings
from medlab_gui.gui.gl_probe import no_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from medlab_gui.gui.window import MedlabWindow

__all__ = ["closed_by_interrupt", "main", "open_window", "parse"]

# Each of the some hundred OpenGL calls of a frame lets other threads run Python, and
# then waits for its turn: by default 5 ms while one of them computes.
_SWITCH_S = 0.0005
_AGAIN_MS = 20


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return ``path``, ``project`` and ``series`` from the command line."""
    parser = argparse.ArgumentParser(
        prog="medlab", description="Open the window, on a study where one is named."
    )
    parser.add_argument("path", nargs="?", default="", help="File or folder to open.")
    parser.add_argument("--project", default="", help="Folder of the project.")
    parser.add_argument("--series", default="", help="UID of the series to open.")
    return parser.parse_args(list(arguments))


def open_window(path: str = "", project: str = "", series: str = "") -> MedlabWindow:
    """Make and show the window; the project opens after the first paint.

    Parameters
    ----------
    path : str
        File or folder to import and open.
    project : str
        Folder of the project; the one of the settings where empty.
    series : str
        UID of the series to open.
    """
    from medlab_gui.gui.paint_turns import once_painted
    from medlab_gui.gui.window import MedlabWindow

    sys.setswitchinterval(_SWITCH_S)
    settings = load_settings()
    place = project or str(settings.project_path)
    window = MedlabWindow(place, settings)

    def ready() -> None:
        if path:
            window.import_paths((as_path(path),))
        elif series:
            window.bench.open_series(series)

    def open_project() -> None:
        if window.main.isVisible():  # not where it was closed meanwhile
            window.bench.open_project(place, then=ready)

    window.show()
    once_painted(window.canvas, open_project)
    return window


@contextmanager
def closed_by_interrupt(close: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl+C in the terminal call ``close``, whatever the window is doing.

    So does a polite request of the system to end (SIGTERM).

    Python hears of a signal when it runs, and an idle window sleeps in Qt, maybe for
    hours: so the signal writes a byte that wakes Qt, and that calls Python.
    """
    from qtpy.QtCore import QSocketNotifier, QTimer

    heard, told = socket.socketpair()
    with heard, told:
        heard.setblocking(False)
        told.setblocking(False)
        notifier = QSocketNotifier(heard.fileno(), QSocketNotifier.Type.Read)
        notifier.activated.connect(lambda *_what: heard.recv(64))

        def asked(_number: int, _frame: object) -> None:
            # Not at once: it may come while the window is being drawn.
            QTimer.singleShot(0, partial(_leave, close))

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, asked) for number in numbers}
        woken = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            notifier.setEnabled(False)


def _leave(close: Callable[[], object]) -> None:
    """Cancel dialogs and menus that wait for an answer, and then call ``close``.

    Who asked waits in a loop of its own and goes on with the answer: the window must
    not be gone by then.
    """
    from qtpy.QtCore import QThread, QTimer
    from qtpy.QtWidgets import QApplication

    for asked in (QApplication.activePopupWidget(), QApplication.activeModalWidget()):
        if asked is not None:
            asked.close()
    if QThread.currentThread().loopLevel() > 1:
        QTimer.singleShot(_AGAIN_MS, partial(_leave, close))
    else:
        close()


def main(arguments: Sequence[str] = ()) -> int:
    """Run the window until it is closed.

    Parameters
    ----------
    arguments : sequence of str
        Of the command line.

    Returns
    -------
    int
        Exit code.
    """
    options = parse(arguments)
    try:
        if options.path and not as_path(options.path).exists():
            sys.stderr.write(f"medlab: {options.path} is not there; check the name.\n")
            return 2
    except MedlabError as error:
        sys.stderr.write(f"medlab: {error.message}\n")
        return 2

    # Making the window only ever adds objects: looking for garbage among them takes a
    # quarter of a second. Afterwards it is `gui.collector`'s.
    gc.disable()
    from medlab_gui import __version__
    from medlab_gui.core.resources import resource
    from medlab_gui.gui.napari_private import isolate_settings

    isolate_settings()
    from napari.qt import get_qapp
    from qtpy.QtCore import QTimer

    app = get_qapp(
        app_name="MedLab",
        app_version=__version__,
        icon=str(resource("icons", "medlab.svg")),
        org_name="MedLab",
        org_domain="medlab.invalid",
        app_id="medlab.medlab",
    )
    if refusal := no_pictures():
        from qtpy.QtWidgets import QMessageBox

        sys.stderr.write(f"medlab: {refusal}\n")
        QMessageBox.critical(None, "MedLab", refusal)
        return 2
    # Qt has set the desktop's country for all of the process; libraries in C would take
    # the 1.5 in a file for 1 where a comma is written.
    locale.setlocale(locale.LC_NUMERIC, "C")
    try:
        window = open_window(options.path, options.project, options.series)
    except MedlabError as error:
        sys.stderr.write(f"medlab: {error.message}\n")
        return 2
    window.notifier.install()
    # Qt ends by itself only where a visible window was closed; ours is hidden before.
    window.bench.closed.connect(lambda: QTimer.singleShot(0, app.quit))
    with closed_by_interrupt(window.close):
        code = int(app.exec())
    if app.clipboard().ownsClipboard():
        # Who comes after us gets what was copied; only Qt's own end hands it over.
        app.shutdown()
    return code
