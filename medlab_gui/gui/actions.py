"""What the window can do without a trace in the project, as one table.

What does leave a trace is a `Command` (``medlab_gui.commands``); `gui.menus` turns both
into app-model actions. The key sheet (F1) is made from the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_
from medlab_gui.gui.choices import remember
from medlab_gui.gui.cine_actions import CINE_ACTIONS
from medlab_gui.gui.drawing import (
    cancel_polygon,
    finish_polygon,
    next_class,
    remove_polygon_point,
    resize_brush,
)
from medlab_gui.gui.key_actions import KEY_ACTIONS
from medlab_gui.gui.launching import ask_and_launch
from medlab_gui.gui.measure_actions import MEASURE_ACTIONS
from medlab_gui.gui.pair.pair_actions import PAIR_ACTIONS
from medlab_gui.gui.panes.layout_actions import PANE_ACTIONS
from medlab_gui.gui.plain_action import PlainAction
from medlab_gui.gui.reviewing import label_whole_slice
from medlab_gui.gui.view_actions import VIEW_ACTIONS
from medlab_gui.gui.view_state import Mode, Tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow

__all__ = ["ACTIONS", "HELD_KEYS", "MOUSE", "PlainAction"]


def _mode(mode: Mode) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        window.bench.mode = mode

    return run


def _tool(tool: Tool) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        window.bench.view.mode = Mode.ANNOTATE
        window.bench.view.tool = tool

    return run


def _right_erases(window: MedlabWindow) -> None:
    erases = not window.bench.settings.right_drag_erases
    remember(window.bench, right_drag_erases=erases)


_STUDY = (
    PlainAction(
        "medlab.study.open_project",
        N_("Open project…"),
        lambda w: w.choose_project(),
        ("Ctrl+Shift+O",),
        "medlab/study/5_project",
    ),
    PlainAction(
        "medlab.study.close",
        N_("Close the series"),
        lambda w: w.bench.changes.leave(w.bench.close_series),
        ("Ctrl+W",),
        "medlab/study/6_close",
        "series_open",
    ),
    PlainAction(
        "medlab.study.quit",
        N_("Quit"),
        lambda w: w.close(),
        ("Ctrl+Q",),
        "medlab/study/9_quit",
    ),
)

_ANNOTATE = (
    PlainAction(
        "medlab.annotate.undo",
        N_("Undo"),
        lambda w: w.bench.undo(),
        ("Ctrl+Z",),
        "medlab/annotate/0_undo",
        "can_undo",
        repeats=True,
    ),
    PlainAction(
        "medlab.annotate.redo",
        N_("Redo"),
        lambda w: w.bench.redo(),
        ("Ctrl+Shift+Z", "Ctrl+Y"),
        "medlab/annotate/0_undo",
        "can_redo",
        repeats=True,
    ),
    PlainAction(
        "medlab.annotate.review_mode",
        N_("Review"),
        _mode(Mode.REVIEW),
        ("R",),
        "medlab/annotate/3_mode",
        "",
        "reviewing",
    ),
    PlainAction(
        "medlab.annotate.annotate_mode",
        N_("Annotate"),
        _mode(Mode.ANNOTATE),
        ("A",),
        "medlab/annotate/3_mode",
        "",
        "annotating",
    ),
    *(
        PlainAction(
            f"medlab.annotate.{tool}",
            title,
            _tool(tool),
            (f"Annotate/{n}",),
            "medlab/annotate/4_tools",
            "series_open",
            f"annotating and tool == '{tool}'",
        )
        for n, (tool, title) in enumerate(
            (
                (Tool.BRUSH, N_("Brush")),
                (Tool.ERASER, N_("Eraser")),
                (Tool.FILL, N_("Fill")),
                (Tool.POLYGON, N_("Polygon")),
                (Tool.PICK, N_("Pick the class under the mouse")),
                (Tool.PAN, N_("Move the picture")),
            ),
            start=1,
        )
    ),
    PlainAction(
        "medlab.annotate.smaller",
        N_("Smaller brush"),
        lambda w: resize_brush(w.bench, w.stage, -1),
        ("[",),
        "medlab/annotate/5_brush",
        "series_open",
        repeats=True,
    ),
    PlainAction(
        "medlab.annotate.larger",
        N_("Larger brush"),
        lambda w: resize_brush(w.bench, w.stage, 1),
        ("]",),
        "medlab/annotate/5_brush",
        "series_open",
        repeats=True,
    ),
    PlainAction(
        "medlab.annotate.right_erases",
        N_("Right drag erases"),
        _right_erases,
        (),
        "medlab/annotate/5_brush",
        "",
        "right_erases",
    ),
    PlainAction(
        "medlab.annotate.next_class",
        N_("Next class"),
        lambda w: next_class(w.bench),
        ("C",),
        "medlab/annotate/5_brush",
        "series_open",
    ),
    PlainAction(
        "medlab.annotate.previous_class",
        N_("Previous class"),
        lambda w: next_class(w.bench, -1),
        ("Shift+C",),
        "medlab/annotate/5_brush",
        "series_open",
    ),
    PlainAction(
        "medlab.annotate.polygon_done",
        N_("Close the polygon"),
        lambda w: finish_polygon(w.stage),
        ("Return",),
        "medlab/annotate/6_polygon",
        "polygon_open",
    ),
    PlainAction(
        "medlab.annotate.polygon_cut",
        N_("Close the polygon and cut it out"),
        lambda w: finish_polygon(w.stage, cuts=True),
        ("Shift+Return",),
        "medlab/annotate/6_polygon",
        "polygon_open",
    ),
    PlainAction(
        "medlab.annotate.polygon_back",
        N_("Take back the last corner"),
        lambda w: remove_polygon_point(w.stage),
        ("Backspace",),
        "medlab/annotate/6_polygon",
        "polygon_open",
    ),
    PlainAction(
        "medlab.annotate.polygon_cancel",
        N_("Drop the polygon"),
        lambda w: cancel_polygon(w.stage),
        ("Escape",),
        "medlab/annotate/6_polygon",
        "polygon_open",
    ),
    PlainAction(
        "medlab.annotate.accept_slice",
        N_("Take the prediction for this slice"),
        lambda w: w.bench.accept_prediction(all_slices=False),
        ("T",),
        "medlab/annotate/7_prediction",
        "prediction_open and editable",
    ),
    PlainAction(
        "medlab.annotate.accept_all",
        N_("Take the prediction for all slices"),
        lambda w: w.bench.accept_prediction(all_slices=True),
        ("Ctrl+Shift+T",),
        "medlab/annotate/7_prediction",
        "prediction_open",
    ),
    PlainAction(
        "medlab.annotate.whole_slice",
        N_("The whole slice shows this class; go to the next"),
        lambda w: label_whole_slice(w.bench, w.bench.view.value),
        ("Shift+W",),
        "medlab/annotate/8_whole",
        "editable",
    ),
)

_MODEL = (
    PlainAction(
        "medlab.model.predict_with_options",
        N_("Predict with options…"),
        lambda w: ask_and_launch(w.bench, "predict"),
        ("Ctrl+Alt+P",),
        "medlab/model/1_run",
        "series_stored",
    ),
)

_QUEUE = (
    PlainAction(
        "medlab.queue.accept_next",
        N_("Accept the slice and go to the next"),
        lambda w: w.bench.accept_and_next(),
        ("Return",),
        "medlab/queue/1_work",
        "series_open and not polygon_open",
    ),
    PlainAction(
        "medlab.queue.skip",
        N_("Skip the slice"),
        lambda w: w.bench.skip(),
        ("Shift+N",),
        "medlab/queue/1_work",
        "series_open",
    ),
    PlainAction(
        "medlab.queue.next",
        N_("Go to the most uncertain slice"),
        lambda w: w.bench.go_to_next(),
        ("N",),
        "medlab/queue/1_work",
        "project_open",
    ),
)

_HELP = (
    PlainAction(
        "medlab.help.keys",
        N_("Keys and mouse"),
        lambda w: w.show_keys(),
        ("F1",),
        "medlab/help/1_help",
    ),
    PlainAction(
        "medlab.help.message",
        N_("Go to the last message"),
        lambda w: w.notifier.bar.take_keys(),
        ("F2",),
        "medlab/help/1_help",
    ),
    PlainAction(
        "medlab.help.palette",
        N_("All commands…"),
        lambda w: w.menus.show_palette(),
        ("Ctrl+Shift+P",),
        "medlab/help/1_help",
    ),
    PlainAction(
        "medlab.help.about",
        N_("About MedLab"),
        lambda w: w.show_about(),
        (),
        "medlab/help/9_about",
    ),
)

ACTIONS: tuple[PlainAction, ...] = (
    *_STUDY,
    *_ANNOTATE,
    *MEASURE_ACTIONS,
    *_MODEL,
    *_QUEUE,
    *VIEW_ACTIONS,
    *PANE_ACTIONS,
    *KEY_ACTIONS,
    *CINE_ACTIONS,
    *PAIR_ACTIONS,
    *_HELP,
)

HELD_KEYS = (("Space", N_("While held: the left button moves the picture")),)
"""Keys that work for as long as they are held; see `gui.keys`."""

MOUSE = (
    (N_("Wheel"), N_("Next or previous slice")),
    (N_("Ctrl + wheel"), N_("Zoom at the mouse")),
    (N_("Shift + wheel"), N_("Size of the brush")),
    (N_("Left drag"), N_("Review: move the picture. Annotate: the tool")),
    (N_("Left drag"), N_("Several views, Review: move the crosshair")),
    (N_("Shift + move"), N_("Several views or series: move the crosshair")),
    (N_("Left drag"), N_("Measuring: draw with the tool; move a line or its ends")),
    (N_("Ctrl + left drag"), N_("Review: window of the grey values in the box")),
    (N_("Ctrl + left drag"), N_("Annotate: erase instead of paint, paint for erase")),
    (N_("Middle drag"), N_("Move the picture")),
    (N_("Right drag"), N_("Review: window width (across) and level (up, down)")),
    (N_("Right drag"), N_("Annotate: erase, or window if so chosen in the menu")),
    (N_("Right click"), N_("Polygon: take back a corner")),
    (N_("Alt + move"), N_("Annotate: size of the brush")),
    (N_("Double click"), N_("Polygon: close it; with Ctrl cut it out")),
    (N_("Double click"), N_("Several views, Review: enlarge one, or back")),
    (N_("3D: left drag"), N_("Turn it; the wheel zooms, right drag is its window")),
    (N_("Drag from Studies"), N_("Onto a picture: open a series, or compare it")),
)
"""What the mouse does; see `gui.mouse`."""
