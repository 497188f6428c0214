"""Named facts that say which actions can be used now."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.records import ItemState
from medlab_gui.gui import napari_private as private
from medlab_gui.gui.view_state import Mode

if TYPE_CHECKING:
    from medlab_gui.core.measurements import Plane
    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Key", "facts"]


class Key(StrEnum):
    """Names that expressions such as ``"series_open and not mask_dirty"`` may use."""

    PROJECT_OPEN = "project_open"
    SERIES_OPEN = "series_open"
    SERIES_STORED = "series_stored"
    MASK_DIRTY = "mask_dirty"
    EDITABLE = "editable"
    CAN_UNDO = "can_undo"
    CAN_REDO = "can_redo"
    PREDICTION_OPEN = "prediction_open"
    QUEUE_OPEN = "queue_open"
    CHECKPOINT_PRESENT = "checkpoint_present"
    BUSY = "busy"
    REVIEWING = "reviewing"
    ANNOTATING = "annotating"
    N_WINDOWS = "n_windows"
    INVERTED = "inverted"
    RIGHT_ERASES = "right_erases"
    CINE = "cine"
    CINE_SWINGS = "cine_swings"
    POLYGON_OPEN = "polygon_open"
    TOOL = "tool"
    MASK_VISIBLE = "mask_visible"
    OUTLINE = "outline"
    ENTROPY_VISIBLE = "entropy_visible"
    PREDICTION_VISIBLE = "prediction_visible"
    CORNER_TEXT = "corner_text"
    LETTERS = "letters"
    CROSSHAIR = "crosshair"
    SCALE_BAR = "scale_bar"
    SMOOTH = "smooth"
    LAYOUT = "layout"
    KEY_PROFILE = "key_profile"
    VIEWS_LINKED = "views_linked"
    VIEW_ENLARGED = "view_enlarged"
    RENDERING = "rendering"
    SLAB = "slab"
    SLAB_MM = "slab_mm"
    PAIR_OPEN = "pair_open"
    PAIR_BESIDE = "pair_beside"
    PAIR_OVERLAY = "pair_overlay"
    MEASURING = "measuring"
    MEASURE_TOOL = "measure_tool"
    MEASURE_SELECTED = "measure_selected"
    MEASURE_VISIBLE = "measure_visible"
    MEASURE_ANY = "measure_any"


def facts(bench: Workbench, stage: Stage, plane: Plane) -> dict[str, Any]:
    """Return the value of every `Key` as things stand.

    Parameters
    ----------
    bench, stage
        What is open.
    plane : Plane
        Of the pane that has the keys.
    """
    session, view, measure = bench.session, bench.view, bench.measure
    slab = bench.linked.slab(plane)
    undo: Any = measure if measure.takes_undo else session
    polygon = stage.mask is not None and private.polygon_n_points(stage.mask) > 0
    return {
        Key.PROJECT_OPEN: bench.store is not None,
        Key.SERIES_OPEN: session is not None,
        # Not while it is still being read: the project does not know it yet.
        Key.SERIES_STORED: session is not None and not session.is_provisional,
        Key.MASK_DIRTY: session is not None and session.n_unsaved > 0,
        Key.EDITABLE: session is not None and not stage.why_not_editable,
        Key.CAN_UNDO: undo is not None and undo.can_undo,
        Key.CAN_REDO: undo is not None and undo.can_redo,
        Key.PREDICTION_OPEN: session is not None and session.prediction is not None,
        Key.BUSY: any(job.title for job in bench.jobs.active),
        Key.REVIEWING: view.mode is Mode.REVIEW,
        Key.ANNOTATING: view.mode is Mode.ANNOTATE,
        Key.POLYGON_OPEN: polygon,
        Key.TOOL: str(view.tool),
        Key.MASK_VISIBLE: view.mask_visible,
        Key.OUTLINE: view.outline,
        Key.ENTROPY_VISIBLE: view.entropy_visible,
        Key.PREDICTION_VISIBLE: view.prediction_visible,
        Key.CORNER_TEXT: view.corner_text,
        Key.LETTERS: view.letters,
        Key.CROSSHAIR: view.crosshair,
        Key.SCALE_BAR: view.scale_bar,
        Key.SMOOTH: view.smooth,
        Key.N_WINDOWS: len(bench.presets.usable),
        Key.INVERTED: view.inverted,
        Key.RIGHT_ERASES: bench.settings.right_drag_erases,
        Key.CINE: bench.cine.is_playing,
        Key.CINE_SWINGS: bench.cine.swings,
        Key.LAYOUT: str(bench.linked.layout),
        Key.KEY_PROFILE: bench.keybook.profile.name,
        Key.VIEWS_LINKED: bench.linked.is_linked,
        Key.VIEW_ENLARGED: bool(bench.linked.enlarged),
        Key.RENDERING: str(bench.linked.rendering),
        Key.SLAB: str(slab.projection),
        Key.SLAB_MM: slab.mm if slab.is_on else 0.0,
        Key.PAIR_OPEN: bench.pair.second is not None,
        Key.PAIR_BESIDE: bench.pair.beside,
        Key.PAIR_OVERLAY: bench.pair.overlay,
        Key.MEASURING: measure.is_busy,
        Key.MEASURE_TOOL: str(measure.tool or ""),
        Key.MEASURE_SELECTED: measure.selected is not None,
        Key.MEASURE_VISIBLE: measure.visible,
        Key.MEASURE_ANY: bool(measure.items),
    }


def project_facts(bench: Workbench) -> dict[str, Any]:
    """Return the facts that need a look into the project."""
    queue = checkpoint = False
    if bench.store is not None:
        try:
            queue = bench.store.n_items([ItemState.QUEUED, ItemState.OPEN]) > 0
            checkpoint = bench.store.current_checkpoint() is not None
        except MedlabError as error:
            bench.fail(error, "")
    return {Key.QUEUE_OPEN: queue, Key.CHECKPOINT_PRESENT: checkpoint}
