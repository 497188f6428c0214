"""What napari draws: the scan, the mask, the model's mask and its uncertainty."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from medlab_gui.core.i18n import _
from medlab_gui.gui import napari_private as private
from medlab_gui.gui.colors import scheme_colors
from medlab_gui.gui.layer_data import blank, set_changed, show
from medlab_gui.gui.layer_making import (
    add_hidden,
    load_for_layers,
    new_entropy,
    new_image,
    new_labels,
)
from medlab_gui.gui.not_editable import why_not_editable
from medlab_gui.gui.panes.axial_slab import AxialSlab
from medlab_gui.gui.scan_window import ScanWindow
from medlab_gui.gui.steps import in_steps
from medlab_gui.gui.strokes import Strokes
from medlab_gui.gui.view_state import Mode, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from napari import Viewer
    from napari.layers import Image, Labels

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.session import ReviewSession

__all__ = ["Stage"]


_LET_GO_MS = 500
_LARGE_PIXEL_MM = 1.5
_NAPARI_MODE = {
    Tool.BRUSH: "paint",
    Tool.ERASER: "erase",
    Tool.FILL: "fill",
    Tool.POLYGON: "polygon",
    Tool.PICK: "pick",
    Tool.PAN: "pan_zoom",
}


class Stage:
    """Keeps napari's layers and the open session the same.

    Parameters
    ----------
    viewer : Viewer
        napari.
    bench : Workbench
        What is open and how it is looked at.

    Attributes
    ----------
    image, mask, prediction, entropy : layer or None
        Made once by `warm_up` and kept; series change what they show.
    window : ScanWindow
        How the files ask to be looked at.
    strokes : Strokes
        What is being drawn on the mask.
    slab : AxialSlab
        The scan as napari gets it: single slices, or several shown as one.
    """

    def __init__(self, viewer: Viewer, bench: Workbench) -> None:
        self.viewer = viewer
        self.bench = bench
        self.window = ScanWindow(bench)
        self.strokes = Strokes(bench)
        self.slab = AxialSlab(bench)
        self.slab.changed.connect(self._on_slab)
        self.image: Image | None = None
        self.mask: Labels | None = None
        self.prediction: Labels | None = None
        self.entropy: Image | None = None
        self._held_pan = False
        self._erasing = self._inverse = False
        self._opening = False
        self._filled = False
        self.placed = ""  # UID of the series that the canvas shows in its own zoom
        self._scheme: LabelScheme | None = None
        self._hidden: frozenset[int] = frozenset()
        self._unveiling: Generator[None] = (_ for _ in ())
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._on_slice)
        viewer.dims.events.current_step.connect(self._on_dims)
        events = bench.view.events
        for name in ("level", "width", "inverted"):
            getattr(events, name).connect(self._apply_window)
        for name in (
            "mask_visible",
            "outline",
            "mask_opacity",
            "entropy_visible",
            "entropy_opacity",
            "prediction_visible",
        ):
            getattr(events, name).connect(self._apply_looks)
        events.hidden.connect(self._on_hidden)
        # napari takes the tool away from a hidden layer, and gives the old one back.
        for name in ("mode", "tool", "value", "brush_mm", "mask_visible"):
            getattr(events, name).connect(self.apply_tool)

    # ---- the four layers, made once ------------------------------------------

    def warm_up(self) -> Iterator[None]:
        """Make the layers one by one, on nothing, and yield after each.

        napari takes some tenths of a second for a layer and its shaders. Done once
        behind the welcome page, a study then opens by changing what they show.
        """
        load_for_layers()
        yield
        yield from self._add("image", new_image)
        yield from self._add("entropy", new_entropy)
        yield from self._add("prediction", partial(new_labels, _("Prediction")))
        yield from self._add("mask", partial(new_labels, _("Mask")))

    def _add(self, name: str, make: Callable[[], Any]) -> Iterator[None]:
        if getattr(self, name) is not None:
            return
        layer = yield from add_hidden(
            self.viewer, make, lambda: getattr(self, name) is None
        )
        if layer is None:  # a study was opened meanwhile
            return
        setattr(self, name, layer)
        if name == "prediction":
            layer.editable = False
        if self.mask is not None and name == "mask":
            self.strokes.take(self.mask)
            self.mask.events.selected_label.connect(self._on_picked)
            self.mask.events.brush_size.connect(self._on_brush_size)
            for overlay in private.hand_overlays(self.mask):
                yield
                overlay.visible = True
        yield

    # ---- opening ------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether the open series is on the screen whole and can be painted on."""
        session = self.bench.session
        return session is not None and not (self._opening or session.is_provisional)

    def _on_session(self) -> None:
        for _step in self.warm_up():
            pass
        session = self.bench.session
        image, mask = self.image, self.mask
        assert image is not None
        assert mask is not None
        self._unveiling.close()
        self._opening = session is not None
        self._filled = False
        if session is None:
            self.placed = ""
            # The welcome page covers the picture. Another series often follows at
            # once, so the arrays are let go a little later.
            QTimer.singleShot(_LET_GO_MS, lambda: in_steps(self._let_go()))
            return
        view = self.bench.view
        view.value = min(max(view.value, 1), len(session.scheme.classes))
        if self._scheme is not None and session.scheme != self._scheme:
            view.hidden = frozenset()
        self.strokes.follow(session)
        session.edited.connect(self._on_edited)
        session.held_changed.connect(self.apply_tool)
        session.prediction_changed.connect(self._on_prediction)
        mask.mode = "pan_zoom"  # nothing is painted before all is there
        session.arrived.connect(self._on_arrived)
        if not self.bench.is_same_place:
            # A hidden layer is not drawn: all are filled first, and shown after.
            for layer in (image, mask, self.prediction, self.entropy):
                set_changed(layer, visible=False)
            # Other views draw at once: not in the window of the series before.
            self.reset_window()
        self._unveiling = self._unveil(session)
        in_steps(self._unveiling)

    def hurry(self) -> None:
        """Show the rest of a series at once: somebody begins to paint on it."""
        for _step in self._unveiling:
            pass

    def _unveil(self, session: ReviewSession) -> Generator[None]:
        """Show a series that was opened, in steps that take no long time each."""
        assert self.image is not None
        assert self.mask is not None
        with private.one_update(self.viewer, session.k):
            show(self.image, self.slab.array(), session.volume.grid.spacing)
            show(self.mask, session.mask, session.volume.grid.spacing)
            self._fill_prediction()
            self._set_colors(session.scheme)
        self._filled = True
        if not session.is_provisional:  # there is more of it than a picture
            yield
        # What takes the place of its own provisional picture stays where it was.
        if not self.bench.is_same_place or self.placed != session.series_uid:
            self.placed = session.series_uid
            self._apply_window()
            self.viewer.reset_view(margin=0.02)
        set_changed(self.image, visible=self.slab.is_there)
        yield
        self._apply_looks()
        yield
        self._opening = False
        self._apply_looks()
        self.apply_tool()

    def _set_colors(self, scheme: LabelScheme) -> None:
        hidden = self.bench.view.hidden
        if (scheme, hidden) != (self._scheme, self._hidden):
            self._scheme, self._hidden = scheme, hidden
            for layer in (self.mask, self.prediction):
                assert layer is not None
                private.set_label_colors(layer, scheme_colors(scheme, hidden))

    def _on_hidden(self) -> None:
        if self.is_ready and self.bench.session is not None:
            self._set_colors(self.bench.session.scheme)

    def reset_window(self) -> None:
        """Show the grey values that fit the scan."""
        if self.bench.session is not None:
            view = self.bench.view
            self.window.read()
            view.level, view.width = self.window.first()
            # the values may be the ones that are set already: then no event comes
            self._apply_window()

    def _on_prediction(self) -> None:
        """Show what the model said, under the person's mask."""
        if self.entropy is not None and self.prediction is not None:
            with private.one_update(self.viewer):
                self._fill_prediction()
            self._apply_looks()

    def _fill_prediction(self) -> None:
        session = self.bench.session
        assert self.prediction is not None
        assert self.entropy is not None
        scale = session.volume.grid.spacing if session is not None else (1.0, 1.0, 1.0)
        labels = session.prediction if session is not None else None
        doubt = session.entropy if session is not None else None
        # One voxel where there is none, but of the same size: napari's slices follow
        # the smallest step of all layers.
        if labels is None:
            labels = blank(self.prediction)
        if doubt is None:
            doubt = blank(self.entropy)
        show(self.prediction, labels, scale)
        show(self.entropy, doubt, scale)

    def _let_go(self) -> Iterator[None]:
        """Drop the arrays of a series that was closed, one in each step."""
        for layer in (self.image, self.mask, self.prediction, self.entropy):
            if self.bench.session is None and layer is not None:
                with private.one_update(self.viewer):
                    show(layer, blank(layer), (1.0, 1.0, 1.0))
                yield

    # ---- looks --------------------------------------------------------------

    def _apply_window(self) -> None:
        if self.image is not None:
            view = self.bench.view
            self.window.shading.shade(self.image, view.level, view.width)

    def _apply_looks(self) -> None:
        view, session = self.bench.view, self.bench.session
        is_open = session is not None and self._filled
        whole = None if self._opening else session
        if self.image is not None:
            # What is not there yet is not shown as if it were grey tissue.
            set_changed(self.image, visible=is_open and self.slab.is_there)
        if self.mask is not None:
            if not view.mask_visible:
                self.strokes.finish()
            set_changed(
                self.mask,
                visible=is_open and view.mask_visible,
                opacity=1.0 if view.outline else view.mask_opacity,
                contour=self._line if view.outline else 0,
            )
        if self.entropy is not None:
            known = whole is not None and whole.entropy is not None
            set_changed(
                self.entropy,
                visible=known and view.entropy_visible,
                opacity=view.entropy_opacity,
            )
        if self.prediction is not None:
            known = whole is not None and whole.prediction is not None
            set_changed(
                self.prediction,
                visible=known and view.prediction_visible,
                contour=self._line,
            )

    # ---- slices -------------------------------------------------------------

    def _on_slice(self, k: int) -> None:
        if self.image is None or self.bench.session is None:
            return
        if self.viewer.dims.current_step[0] != k:
            self.viewer.dims.set_current_step(0, k)
        self.strokes.turn_to(k)
        self._apply_looks()  # it may not be read yet
        self.apply_tool()

    def _on_arrived(self) -> None:
        """Show what has been read since of a series that is still coming in."""
        session = self.bench.session
        if self._filled and session is not None and self.image is not None:
            show(self.image, self.slab.array(), session.volume.grid.spacing)
            self._apply_window()  # the voxels may be of another type by now
            self.image.refresh(extent=False, thumbnail=False)
            self._apply_looks()

    def _on_slab(self) -> None:
        """Show another slab, or what of it has been computed since."""
        session = self.bench.session
        if self._filled and session is not None and self.image is not None:
            with private.one_update(self.viewer):
                show(self.image, self.slab.array(), session.volume.grid.spacing)
            self._apply_looks()
            self.apply_tool()

    def _on_dims(self) -> None:
        session = self.bench.session
        if session is not None and self.image is not None and not self._opening:
            k = int(self.viewer.dims.current_step[0])
            if k != session.k:
                self.bench.go_to(k)

    # ---- tools --------------------------------------------------------------

    @property
    def why_not_editable(self) -> str:
        """Why the slice shown cannot be edited; empty where it can."""
        return why_not_editable(self.bench)

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel in the slice, in mm (mean of both directions)."""
        session = self.bench.session
        if session is None:
            return 1.0
        _dz, dy, dx = session.volume.grid.spacing
        return (dy + dx) / 2

    @property
    def _line(self) -> int:
        """Width of outlines in pixels; two of large ones would hide the border."""
        return 1 if self.pixel_mm > _LARGE_PIXEL_MM else 2

    def apply_tool(self) -> None:
        """Put the chosen tool into napari's hand."""
        mask, view = self.mask, self.bench.view
        if mask is None or self.bench.session is None or self._opening:
            return
        if self.viewer.layers.selection.active is not mask:
            self.viewer.layers.selection.active = mask
        tool = Tool.ERASER if self._erasing else view.tool
        value = view.value
        if self._inverse and tool is Tool.FILL:
            value = 0
        elif self._inverse:
            tool = Tool.BRUSH if tool is Tool.ERASER else Tool.ERASER
        if mask.selected_label != value:
            mask.selected_label = value
        size = max(1, round(view.brush_mm / self.pixel_mm))
        if mask.brush_size != size:
            mask.brush_size = size
        wanted = "pan_zoom"
        if view.mode is Mode.ANNOTATE and not self._held_pan:
            wanted = _NAPARI_MODE[tool]
        if self.why_not_editable:
            wanted = "pan_zoom"
        if view.mode is not Mode.ANNOTATE or view.tool is not Tool.POLYGON:
            self.strokes.drop_polygons()
        if str(mask.mode) != wanted:
            self.strokes.finish()  # with the tool that began it
            mask.mode = wanted

    def hold_pan(self, held: bool) -> None:
        """Let the left button move the picture for as long as a key is held."""
        self._held_pan = held
        self.apply_tool()

    @property
    def holds_pan(self) -> bool:
        """Whether the left button moves the picture for now."""
        return self._held_pan

    def hold_eraser(self, held: bool) -> None:
        """Turn the tool into the eraser for as long as a button is held."""
        self._erasing = held
        self.apply_tool()

    def hold_inverse(self, held: bool) -> None:
        """Let the tool do the opposite for as long as a key is held."""
        self._inverse = held
        self.apply_tool()

    def _on_picked(self) -> None:
        if self.mask is not None and str(self.mask.mode) == "pick":
            value = int(self.mask.selected_label)
            session = self.bench.session
            if session is not None and 1 <= value <= len(session.scheme.classes):
                self.bench.view.value = value
                self.bench.view.tool = Tool.BRUSH
            else:
                self.mask.selected_label = self.bench.view.value

    def _on_brush_size(self) -> None:
        # napari changes it too: Alt and moving the mouse.
        if self.mask is not None:
            size = round(self.bench.view.brush_mm / self.pixel_mm)
            if int(self.mask.brush_size) != max(1, size):
                self.bench.view.brush_mm = float(self.mask.brush_size * self.pixel_mm)

    # ---- edits --------------------------------------------------------------

    def _on_edited(self, where: tuple[slice, ...]) -> None:
        """Redraw what undo, redo or an accepted prediction changed."""
        session = self.bench.session
        if session is None or self.mask is None:
            return
        first, last, _step = where[0].indices(session.mask.shape[0])
        if first <= session.k < last:
            self.mask.refresh(extent=False, thumbnail=False)
        else:
            self.bench.go_to(first)
