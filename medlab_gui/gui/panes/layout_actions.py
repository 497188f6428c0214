"""Actions of the linked views: layouts, slabs, crosshair, scale bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.i18n import N_
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.slab import PROJECTION_NAMES, THICKNESSES, Projection, Slab
from medlab_gui.gui.plain_action import PlainAction
from medlab_gui.imaging.rendering import Rendering

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow

__all__ = ["LAYOUTS", "PANE_ACTIONS", "PANE_SUBMENUS"]

LAYOUTS = (
    (PaneLayout.ONE, N_("One view")),
    (PaneLayout.ROW, N_("Three in a row")),
    (PaneLayout.COLUMN, N_("Three in a column")),
    (PaneLayout.LARGE, N_("One large, two small")),
    (PaneLayout.QUAD, N_("Three and 3D")),
)

PANE_SUBMENUS = (
    ("medlab/view", "2_layout", "medlab/view/layout", N_("Layout")),
    ("medlab/view", "2_layout", "medlab/view/slab", N_("Slab")),
)


def _layout(layout: PaneLayout) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        window.bench.linked.layout = layout

    return run


def _next_layout(window: MedlabWindow) -> None:
    order = [layout for layout, _title in LAYOUTS]
    place = order.index(window.bench.linked.layout)
    window.bench.linked.layout = order[(place + 1) % len(order)]


def _enlarge(window: MedlabWindow) -> None:
    window.bench.linked.enlarge(str(window.views.active))


def _projection(projection: Projection) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        state, plane = window.bench.linked, window.views.active
        state.set_slab(plane, Slab(projection, state.slab(plane).mm))

    return run


def _thickness(mm: float) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        state, plane = window.bench.linked, window.views.active
        slab = state.slab(plane)
        state.set_slab(
            plane, Slab(slab.projection if slab.is_on else Projection.MIP, mm)
        )

    return run


def _rendering(rendering: Rendering) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        window.bench.linked.rendering = rendering

    return run


def _switch(field: str) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        view = window.bench.view
        setattr(view, field, not getattr(view, field))

    return run


PANE_ACTIONS = (
    *(
        PlainAction(
            f"medlab.view.layout_{layout}",
            title,
            _layout(layout),
            (f"Ctrl+{n}",),
            "medlab/view/layout/1_layouts",
            "series_open",
            f"layout == '{layout}'",
        )
        for n, (layout, title) in enumerate(LAYOUTS, start=1)
    ),
    PlainAction(
        "medlab.view.layout_next",
        N_("Next layout"),
        _next_layout,
        ("V",),
        "medlab/view/layout/2_change",
        "series_open",
    ),
    PlainAction(
        "medlab.view.layout_enlarge",
        N_("Enlarge the view, or back"),
        _enlarge,
        ("Shift+V",),
        "medlab/view/layout/2_change",
        "series_open and views_linked",
        "view_enlarged",
    ),
    *(
        PlainAction(
            f"medlab.view.rendering_{rendering}",
            title,
            _rendering(rendering),
            (),
            "medlab/view/layout/3_rendering",
            "series_open",
            f"rendering == '{rendering}'",
        )
        for rendering, title in (
            (Rendering.MIP, N_("3D: maximum intensity (MIP)")),
            (Rendering.VOLUME, N_("3D: volume")),
        )
    ),
    *(
        PlainAction(
            f"medlab.view.slab_{projection.name.lower()}",
            title,
            _projection(projection),
            (),
            "medlab/view/slab/1_kind",
            "series_open",
            f"slab == '{projection}'",
        )
        for projection, title in PROJECTION_NAMES.items()
    ),
    *(
        PlainAction(
            f"medlab.view.slab_{mm:g}mm",
            f"{mm:g} mm",
            _thickness(mm),
            (),
            "medlab/view/slab/2_thickness",
            "series_open",
            f"slab_mm == {mm:g}",
        )
        for mm in THICKNESSES
    ),
    *(
        PlainAction(
            f"medlab.view.{field}",
            title,
            _switch(field),
            keys,
            "medlab/view/3_picture",
            "",
            field,
        )
        for field, title, keys in (
            ("crosshair", N_("Crosshair"), ("X",)),
            ("scale_bar", N_("Scale bar"), ()),
            ("smooth", N_("Smooth between pixels"), ()),
        )
    ),
)
