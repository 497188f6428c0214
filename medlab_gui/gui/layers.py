"""What napari draws: the scan, the mask, the model's mask and its uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.labels import IGNORE
from medlab_gui.gui import napari_private as private
from medlab_gui.gui.view_state import Mode, Tool

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image, Labels

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Stage", "scheme_colors", "uncertainty_colors"]

_NAPARI_MODE = {
    Tool.BRUSH: "paint",
    Tool.ERASER: "erase",
    Tool.FILL: "fill",
    Tool.POLYGON: "polygon",
    Tool.PICK: "pick",
    Tool.PAN: "pan_zoom",
}


def scheme_colors(scheme: LabelScheme) -> dict[int | None, tuple[float, ...]]:
    """Return colours of a scheme for napari: RGBA in [0, 1] by value."""
    colors: dict[int | None, tuple[float, ...]] = {
        None: (0.6, 0.6, 0.6, 1.0),
        0: (0.0, 0.0, 0.0, 0.0),
        IGNORE: (0.5, 0.5, 0.5, 1.0),
    }
    for c in scheme.classes:
        colors[c.value] = (*(v / 255 for v in c.color), 1.0)
    return colors


def uncertainty_colors() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return magma as 256 RGBA rows; what is certain is see-through."""
    from napari.utils.colormaps import ensure_colormap

    values = np.linspace(0, 1, 256)
    colors = np.array(ensure_colormap("magma").map(values), dtype=np.float64)
    colors[:, 3] = np.clip(values / 0.35, 0, 1)
    return colors


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
        The layers of the open series.
    """

    def __init__(self, viewer: Viewer, bench: Workbench) -> None:
        self.viewer = viewer
        self.bench = bench
        self.image: Image | None = None
        self.mask: Labels | None = None
        self.prediction: Labels | None = None
        self.entropy: Image | None = None
        self._held_pan = False
        self._erasing = False
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._on_slice)
        viewer.dims.events.current_step.connect(self._on_dims)
        events = bench.view.events
        for name in ("level", "width"):
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
        for name in ("mode", "tool", "value", "brush_mm"):
            getattr(events, name).connect(self.apply_tool)

    # ---- opening ------------------------------------------------------------

    def _on_session(self) -> None:
        self.viewer.layers.clear()
        self.image = self.mask = self.prediction = self.entropy = None
        session = self.bench.session
        if session is None:
            return
        volume = session.volume
        scale = volume.grid.spacing
        view = self.bench.view
        view.value = min(max(view.value, 1), len(session.scheme.classes))
        self.reset_window()
        self.image = self.viewer.add_image(
            volume.data,
            name=_("Image"),
            scale=scale,
            colormap="gray",
            contrast_limits=self._limits(),
            interpolation2d="linear",
        )
        self.mask = self.viewer.add_labels(
            session.mask, name=_("Mask"), scale=scale, colormap=self._colormap()
        )
        private.silence_history(self.mask)
        self.mask.events.paint.connect(self._on_paint)
        self.mask.events.selected_label.connect(self._on_picked)
        self.mask.events.brush_size.connect(self._on_brush_size)
        session.edited.connect(self._on_edited)
        session.prediction_changed.connect(self._on_prediction)
        self._on_prediction()
        self._on_slice(session.k)
        self.viewer.reset_view(margin=0.02)

    def reset_window(self) -> None:
        """Show the grey values that fit the scan."""
        if self.bench.session is not None:
            view = self.bench.view
            view.level, view.width = self._first_window()

    def _first_window(self) -> tuple[float, float]:
        from medlab_gui.imaging.window import default_window

        session = self.bench.session
        assert session is not None
        volume = session.volume
        # The middle slice tells enough, and a whole volume would take long.
        middle = np.asarray(volume.data[volume.data.shape[0] // 2])
        level, width = default_window(middle, volume.modality, self.file_window())
        return float(level), float(width)

    def file_window(self) -> tuple[float, float] | None:
        """Return the window that the file of the open series asks for."""
        bench = self.bench
        if bench.session is None or bench.store is None:
            return None
        return bench.store.series(bench.session.series_uid).window

    def _colormap(self) -> Any:
        from napari.utils.colormaps import DirectLabelColormap

        assert self.bench.session is not None
        return DirectLabelColormap(
            color_dict=scheme_colors(self.bench.session.scheme)  # background clear
        )

    def _on_prediction(self) -> None:
        """Show what the model said, under the person's mask."""
        session = self.bench.session
        for layer in (self.prediction, self.entropy):
            if layer is not None and layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self.prediction = self.entropy = None
        if session is None or self.image is None:
            return
        from napari.layers import Image, Labels
        from napari.utils.colormaps import Colormap

        scale = session.volume.grid.spacing
        if session.entropy is not None:
            self.entropy = Image(
                session.entropy,
                name=_("Uncertainty"),
                scale=scale,
                contrast_limits=(0, 1),
                colormap=Colormap(uncertainty_colors(), name="uncertainty"),
                blending="translucent_no_depth",
            )
            self.viewer.layers.insert(1, self.entropy)
        if session.prediction is not None:
            self.prediction = Labels(
                session.prediction,
                name=_("Prediction"),
                scale=scale,
                colormap=self._colormap(),
            )
            self.prediction.contour = 2
            self.prediction.editable = False
            private.silence_history(self.prediction)
            self.viewer.layers.insert(len(self.viewer.layers) - 1, self.prediction)
        self._apply_looks()
        self.apply_tool()

    # ---- looks --------------------------------------------------------------

    def _limits(self) -> tuple[float, float]:
        view = self.bench.view
        half = max(view.width, 1e-6) / 2
        return view.level - half, view.level + half

    def _apply_window(self) -> None:
        if self.image is not None:
            self.image.contrast_limits = self._limits()

    def _apply_looks(self) -> None:
        view = self.bench.view
        if self.mask is not None:
            self.mask.visible = view.mask_visible
            self.mask.opacity = 1.0 if view.outline else view.mask_opacity
            self.mask.contour = 2 if view.outline else 0
        if self.entropy is not None:
            self.entropy.visible = view.entropy_visible
            self.entropy.opacity = view.entropy_opacity
        if self.prediction is not None:
            self.prediction.visible = view.prediction_visible

    # ---- slices -------------------------------------------------------------

    def _on_slice(self, k: int) -> None:
        if self.image is None:
            return
        if self.viewer.dims.current_step[0] != k:
            self.viewer.dims.set_current_step(0, k)
        if self.mask is not None and self.bench.view.tool is Tool.POLYGON:
            private.polygon_cancel(self.mask)
        self.apply_tool()

    def _on_dims(self) -> None:
        session = self.bench.session
        if session is not None and self.image is not None:
            k = int(self.viewer.dims.current_step[0])
            if k != session.k:
                self.bench.go_to(k)

    # ---- tools --------------------------------------------------------------

    @property
    def why_not_editable(self) -> str:
        """Why the slice shown cannot be edited; empty where it can."""
        session = self.bench.session
        if session is None:
            return _("No series is open.")
        if session.read_only:
            return session.read_only_reason
        if session.k in session.locked:
            return _(
                "Slice {n} belongs to the locked validation set: it judges new "
                "weights and cannot be changed."
            ).format(n=session.k + 1)
        return ""

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel in the slice, in mm (mean of both directions)."""
        session = self.bench.session
        if session is None:
            return 1.0
        _dz, dy, dx = session.volume.grid.spacing
        return (dy + dx) / 2

    def apply_tool(self) -> None:
        """Put the chosen tool into napari's hand."""
        mask, view = self.mask, self.bench.view
        if mask is None or mask not in self.viewer.layers:
            return
        if self.viewer.layers.selection.active is not mask:
            self.viewer.layers.selection.active = mask
        if mask.selected_label != view.value:
            mask.selected_label = view.value
        size = max(1, round(view.brush_mm / self.pixel_mm))
        if mask.brush_size != size:
            mask.brush_size = size
        wanted = "pan_zoom"
        if view.mode is Mode.ANNOTATE and not self._held_pan:
            wanted = _NAPARI_MODE[Tool.ERASER if self._erasing else view.tool]
        if self.why_not_editable:
            wanted = "pan_zoom"
        if str(mask.mode) != wanted:
            mask.mode = wanted
            private.polygon_start(mask)

    def hold_pan(self, held: bool) -> None:
        """Let the left button move the picture for as long as a key is held."""
        self._held_pan = held
        self.apply_tool()

    def hold_eraser(self, held: bool) -> None:
        """Turn the tool into the eraser for as long as a button is held."""
        self._erasing = held
        self.apply_tool()

    def finish_polygon(self) -> None:
        """Paint the polygon that is being drawn."""
        if self.mask is not None and private.polygon_n_points(self.mask):
            private.polygon_finish(self.mask)

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

    def _on_paint(self, event: Any) -> None:
        """Write a finished stroke into the journal before anything else happens."""
        session, mask = self.bench.session, self.mask
        if session is None or mask is None:
            return
        stroke = private.stroke_of(mask, event.value)
        if stroke is None:
            return
        kind = {"paint": "brush", "erase": "eraser"}.get(str(mask.mode), str(mask.mode))
        try:
            session.record(kind, stroke.where, stroke.before, stroke.after)
        except MedlabError as error:
            # The session has put the voxels back and said so (`edited`).
            self.bench.fail(error, _("The stroke was taken back"))

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
