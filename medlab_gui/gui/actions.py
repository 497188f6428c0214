"""What the window can do without a trace in the project, as one table.

What does leave a trace is a `Command` (``medlab_gui.commands``); `gui.menus` turns both
into app-model actions. The key sheet (F1) is made from the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_
from medlab_gui.gui.view_state import Mode, Tool
from medlab_gui.imaging.window import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow

__all__ = ["ACTIONS", "HELD_KEYS", "MOUSE", "PlainAction"]


@dataclass(frozen=True)
class PlainAction:
    """Something the window does.

    Parameters
    ----------
    id : str
        ``"medlab.view.mask"``.
    title : str
        Text of the menu entry, marked with `N_`.
    run : callable
        Called with the window.
    keys : tuple of str
        The first one is shown in the menu.
    menu : str
        Menu, then group: ``"medlab/view/2_layers"``.
    when : str
        Expression over `gui.context.Key`; empty means always.
    toggled : str
        Expression that is true where the entry has a tick.
    """

    id: str
    title: str
    run: Callable[[MedlabWindow], object]
    keys: tuple[str, ...] = ()
    menu: str = ""
    when: str = ""
    toggled: str = ""


def _switch(field: str) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        view = window.bench.view
        setattr(view, field, not getattr(view, field))

    return run


def _step(n: int) -> Callable[[MedlabWindow], object]:
    return lambda window: window.bench.step(n)


def _mode(mode: Mode) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        window.bench.mode = mode

    return run


def _tool(tool: Tool) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        window.bench.view.mode = Mode.ANNOTATE
        window.bench.view.tool = tool

    return run


def _preset(number: int) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        view, preset = window.bench.view, PRESETS[number]
        view.level, view.width = float(preset.level), float(preset.width)

    return run


def _dock(name: str) -> Callable[[MedlabWindow], object]:
    return lambda window: window.show_dock(name)


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
        lambda w: w.bench.close_series(),
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
    ),
    PlainAction(
        "medlab.annotate.redo",
        N_("Redo"),
        lambda w: w.bench.redo(),
        ("Ctrl+Shift+Z", "Ctrl+Y"),
        "medlab/annotate/0_undo",
        "can_redo",
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
            (str(n),),
            "medlab/annotate/4_tools",
            "annotating",
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
        lambda w: w.resize_brush(-1),
        ("[",),
        "medlab/annotate/5_brush",
        "series_open",
    ),
    PlainAction(
        "medlab.annotate.larger",
        N_("Larger brush"),
        lambda w: w.resize_brush(1),
        ("]",),
        "medlab/annotate/5_brush",
        "series_open",
    ),
    PlainAction(
        "medlab.annotate.next_class",
        N_("Next class"),
        lambda w: w.next_class(),
        ("C",),
        "medlab/annotate/5_brush",
        "series_open",
    ),
    PlainAction(
        "medlab.annotate.polygon_done",
        N_("Close the polygon"),
        lambda w: w.finish_polygon(),
        ("Return",),
        "medlab/annotate/6_polygon",
        "polygon_open",
    ),
    PlainAction(
        "medlab.annotate.polygon_back",
        N_("Take back the last corner"),
        lambda w: w.remove_polygon_point(),
        ("Backspace",),
        "medlab/annotate/6_polygon",
        "polygon_open",
    ),
    PlainAction(
        "medlab.annotate.polygon_cancel",
        N_("Drop the polygon"),
        lambda w: w.cancel_polygon(),
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

_VIEW = (
    PlainAction(
        "medlab.view.mask",
        N_("Mask"),
        _switch("mask_visible"),
        ("S",),
        "medlab/view/1_layers",
        "series_open",
        "mask_visible",
    ),
    PlainAction(
        "medlab.view.outline",
        N_("Mask as outline"),
        _switch("outline"),
        ("O",),
        "medlab/view/1_layers",
        "series_open",
        "outline",
    ),
    PlainAction(
        "medlab.view.entropy",
        N_("Uncertainty"),
        _switch("entropy_visible"),
        ("E",),
        "medlab/view/1_layers",
        "prediction_open",
        "entropy_visible and prediction_open",
    ),
    PlainAction(
        "medlab.view.prediction",
        N_("Prediction"),
        _switch("prediction_visible"),
        ("P",),
        "medlab/view/1_layers",
        "prediction_open",
        "prediction_visible and prediction_open",
    ),
    *(
        PlainAction(
            f"medlab.view.preset_{n}",
            f"{preset.name}  ({preset.level:g} / {preset.width:g} HU)",
            _preset(n - 1),
            (str(n),),
            "medlab/view/window/1_presets",
            "reviewing and is_ct",
        )
        for n, preset in enumerate(PRESETS[:8], start=1)
    ),
    PlainAction(
        "medlab.view.preset_own",
        N_("The scan's own window"),
        lambda w: w.own_window(),
        ("9",),
        "medlab/view/window/2_own",
        "reviewing and series_open",
    ),
    *(
        PlainAction(
            f"medlab.view.{name}",
            title,
            _step(n),
            keys,
            "medlab/view/go/1_slices",
            "series_open",
        )
        for name, title, n, keys in (
            ("up", N_("Next slice towards the head"), 1, ("Up", "Right")),
            ("down", N_("Next slice towards the feet"), -1, ("Down", "Left")),
            ("up10", N_("Ten slices towards the head"), 10, ("PgUp",)),
            ("down10", N_("Ten slices towards the feet"), -10, ("PgDown",)),
            ("first", N_("Slice nearest the feet"), -100_000, ("Home",)),
            ("last", N_("Slice nearest the head"), 100_000, ("End",)),
        )
    ),
    PlainAction(
        "medlab.view.fit",
        N_("Fit the picture to the window"),
        lambda w: w.fit(),
        ("F", "Ctrl+0"),
        "medlab/view/3_picture",
        "series_open",
    ),
    PlainAction(
        "medlab.view.corner_text",
        N_("Text on the picture"),
        _switch("corner_text"),
        ("I",),
        "medlab/view/3_picture",
        "",
        "corner_text",
    ),
    PlainAction(
        "medlab.view.letters",
        N_("Orientation letters"),
        _switch("letters"),
        (),
        "medlab/view/3_picture",
        "",
        "letters",
    ),
    *(
        PlainAction(
            f"medlab.view.dock_{name}",
            title,
            _dock(name),
            (f"Alt+{n}",),
            "medlab/view/4_docks",
        )
        for n, (name, title) in enumerate(
            (
                ("studies", N_("Studies")),
                ("preprocess", N_("Preprocessing")),
                ("labels", N_("Labels")),
                ("queue", N_("Queue")),
                ("runs", N_("Runs")),
            ),
            start=1,
        )
    ),
    PlainAction(
        "medlab.view.fullscreen",
        N_("Full screen"),
        lambda w: w.toggle_fullscreen(),
        ("F11",),
        "medlab/view/5_window",
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
        "medlab.help.about",
        N_("About MedLab"),
        lambda w: w.show_about(),
        (),
        "medlab/help/9_about",
    ),
)

ACTIONS: tuple[PlainAction, ...] = (*_STUDY, *_ANNOTATE, *_QUEUE, *_VIEW, *_HELP)

HELD_KEYS = (("Space", N_("While held: the left button moves the picture")),)
"""Keys that work for as long as they are held; see `gui.keys`."""

MOUSE = (
    (N_("Wheel"), N_("Next or previous slice")),
    (N_("Ctrl + wheel"), N_("Zoom at the mouse")),
    (N_("Shift + wheel"), N_("Size of the brush")),
    (N_("Left drag"), N_("Review: move the picture. Annotate: the tool")),
    (N_("Middle drag"), N_("Move the picture")),
    (N_("Right drag"), N_("Review: window width (across) and level (up, down)")),
    (N_("Right drag"), N_("Annotate: erase (polygon: take back a corner)")),
    (N_("Alt + move"), N_("Annotate: size of the brush")),
    (N_("Double click"), N_("Polygon: close it")),
)
"""What the mouse does; see `gui.mouse`."""
