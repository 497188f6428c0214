"""Actions that change how the picture is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_
from medlab_gui.gui.class_list import flip_class, flip_solo
from medlab_gui.gui.plain_action import PlainAction
from medlab_gui.gui.window_presets import N_DIGITS, preset_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow

__all__ = ["VIEW_ACTIONS"]


def _switch(field: str) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        view = window.bench.view
        setattr(view, field, not getattr(view, field))

    return run


def _step(n: int) -> Callable[[MedlabWindow], object]:
    return lambda window: window.views.step(n)


def _opacity(step: float) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        view = window.bench.view
        view.mask_opacity = min(1.0, max(0.05, round(view.mask_opacity + step, 2)))

    return run


def _zoom(factor: float) -> Callable[[MedlabWindow], object]:
    return lambda window: window.views.zoom(factor)


def _preset(number: int) -> Callable[[MedlabWindow], object]:
    return lambda window: window.bench.presets.apply(number, window.views.show_window)


def _edit_presets(window: MedlabWindow) -> None:
    from medlab_gui.gui.dialogs.window_presets import WindowPresetsDialog

    WindowPresetsDialog(window.bench, window.main).open()


def _dock(name: str) -> Callable[[MedlabWindow], object]:
    return lambda window: window.show_dock(name)


VIEW_ACTIONS = (
    PlainAction(
        "medlab.view.mask",
        N_("Mask"),
        _switch("mask_visible"),
        ("S",),
        "medlab/view/1_layers",
        "series_open",
        "mask_visible",
    ),
    *(
        PlainAction(
            f"medlab.view.mask_{name}",
            title,
            _opacity(step),
            (),
            "medlab/view/1_layers",
            "series_open",
        )
        for name, title, step in (
            ("fainter", N_("Mask fainter"), -0.1),
            ("stronger", N_("Mask stronger"), 0.1),
        )
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
        "medlab.view.class_shown",
        N_("Show or hide the class"),
        lambda w: flip_class(w.bench, w.bench.view.value),
        ("Shift+H",),
        "medlab/view/1_layers",
        "series_open",
    ),
    PlainAction(
        "medlab.view.class_solo",
        N_("This class only, or all"),
        lambda w: flip_solo(w.bench, w.bench.view.value),
        ("Shift+S",),
        "medlab/view/1_layers",
        "series_open",
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
            preset_id(n),
            N_("Window {n} of the list").replace("{n}", str(n)),
            _preset(n),
            (f"Review/{n}",),
            "medlab/view/window/1_presets",
            f"n_windows >= {n}",
        )
        for n in range(1, N_DIGITS + 1)
    ),
    PlainAction(
        "medlab.view.preset_own",
        N_("The scan's own window"),
        lambda w: w.own_window(),
        ("Review/0",),
        "medlab/view/window/2_own",
        "series_open",
    ),
    PlainAction(
        "medlab.view.invert",
        N_("Bright and dark turned round"),
        _switch("inverted"),
        ("Shift+I",),
        "medlab/view/window/2_own",
        "series_open",
        "inverted",
    ),
    PlainAction(
        "medlab.view.edit_presets",
        N_("Edit the windows…"),
        _edit_presets,
        (),
        "medlab/view/window/3_list",
    ),
    *(
        PlainAction(
            f"medlab.view.{name}",
            title,
            _step(n),
            keys,
            "medlab/view/go/1_slices",
            "series_open",
            repeats=True,
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
    *(
        PlainAction(
            f"medlab.view.zoom_{name}",
            title,
            _zoom(factor),
            keys,
            "medlab/view/3_picture",
            "series_open",
            repeats=True,
        )
        for name, title, factor, keys in (
            ("in", N_("Larger picture"), 1.2, ("+", "=")),
            ("out", N_("Smaller picture"), 1 / 1.2, ("-",)),
        )
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
