"""Make the README's pictures from the real window: ``python -m tests.screenshots``.

Needs a display; without one, put ``xvfb-run -a -s "-screen 0 1600x1000x24"`` before it.
The demo project is made in a temporary folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "docs" / "images"
SIZE = (1366, 768)
_TORSO_SLICE = 98


def main(folder: Path = FOLDER) -> int:
    """Write ``*.png`` into a folder and return 0."""
    with tempfile.TemporaryDirectory(prefix="medlab-pictures-") as place:
        os.environ["MEDLAB_CONFIG"] = str(Path(place) / "settings.json")
        os.environ["MEDLAB_PROJECT"] = str(Path(place) / "project")
        return _pictures(Path(place), folder)


def _pictures(place: Path, folder: Path) -> int:
    from medlab_gui.commands.command import Context
    from medlab_gui.commands.demo import make_demo
    from medlab_gui.gui.napari_private import isolate_settings

    demo = place / "demo"
    uid, torso = make_demo(demo, Context(str(demo)))["series"][:2]
    isolate_settings()
    from napari.qt import get_qapp
    from qtpy.QtCore import QEventLoop, QTimer

    from medlab_gui.gui.app import open_window
    from medlab_gui.gui.docks.preprocess import PreprocessDock
    from medlab_gui.gui.notify import NoticeBar
    from medlab_gui.gui.panes.linked_state import PaneLayout
    from medlab_gui.gui.view_state import Mode

    get_qapp()
    window = open_window(project=str(demo), series=uid)
    bench = window.bench
    window.main.move(0, 0)
    window.main.resize(*SIZE)

    def pause(seconds: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def settle(seconds: float = 1.0) -> None:
        deadline = time.monotonic() + 120
        while (bench.session is None or bench.jobs.active) and (
            time.monotonic() < deadline
        ):
            pause(0.1)
        pause(seconds)

    def take(name: str) -> None:
        settle()
        folder.mkdir(parents=True, exist_ok=True)
        picture = window.main.screen().grabWindow(
            0, window.main.x(), window.main.y(), window.main.width(),
            window.main.height(),
        )  # fmt: skip
        picture.save(str(folder / f"{name}.png"))

    def wait_for_notices() -> None:
        settle()
        while any(bar.isVisible() for bar in window.main.findChildren(NoticeBar)):
            pause(0.1)  # they lie over the letters of the views

    settle(2)
    first = next(i for i in bench.store.items() if i.series_uid == uid)
    bench.go_to(first.slice_index)
    window.show_dock("queue")
    bench.view.entropy_visible = True
    take("queue")
    bench.view.entropy_visible = False
    bench.accept_prediction(all_slices=False)
    bench.mode = Mode.ANNOTATE
    take("annotate")
    bench.mode = Mode.REVIEW
    window.show_dock("preprocess")
    window.main.findChild(PreprocessDock).side.click()
    wait_for_notices()
    take("preprocess")
    window.main.findChild(PreprocessDock).off.click()
    window.show_dock("queue")
    bench.open_series(torso, _TORSO_SLICE)
    bench.linked.layout = PaneLayout.LARGE
    wait_for_notices()
    take("views")
    window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
