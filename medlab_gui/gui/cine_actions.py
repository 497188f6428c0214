"""Actions of the cine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_
from medlab_gui.gui.plain_action import PlainAction

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow

__all__ = ["CINE_ACTIONS", "CINE_SUBMENU"]

CINE_SUBMENU = ("medlab/view", "2_window", "medlab/view/cine", N_("Cine"))


def _faster(factor: float) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        cine = window.bench.cine
        step = 1 if factor > 1 else -1
        cine.fps = round(cine.fps * factor) if cine.fps > 4 else cine.fps + step

    return run


def _swing(window: MedlabWindow) -> None:
    window.bench.cine.swings = not window.bench.cine.swings


CINE_ACTIONS = (
    PlainAction(
        "medlab.view.cine",
        N_("Play the slices"),
        lambda w: w.bench.cine.toggle(),
        ("K",),
        "medlab/view/cine/1_play",
        "series_open",
        "cine",
    ),
    *(
        PlainAction(
            f"medlab.view.cine_{name}",
            title,
            _faster(factor),
            (key,),
            "medlab/view/cine/2_speed",
            "series_open",
            repeats=True,
        )
        for name, title, factor, key in (
            ("slower", N_("Slower"), 1 / 1.25, ","),
            ("faster", N_("Faster"), 1.25, "."),
        )
    ),
    PlainAction(
        "medlab.view.cine_swing",
        N_("Back and forth"),
        _swing,
        (),
        "medlab/view/cine/3_way",
        "",
        "cine_swings",
    ),
)
