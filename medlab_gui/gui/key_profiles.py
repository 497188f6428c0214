"""Key profiles: one table each of what differs from the keys of our own tables.

The tables of actions say which keys an action has by itself (profile MedLab). A profile
names only what people bring along from another program. Whatever key it gives away is
taken from the action that had it (`gui.keybook`); that action stays in its menu.

Sources: the key tables of 3D Slicer (Segment Editor, slice views), ITK-SNAP 4.4, OHIF
and Weasis. Where a program has no modes and ours has, its keys hold in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from medlab_gui.core.i18n import N_

__all__ = ["KEY_PROFILES", "KeyProfile"]


@dataclass(frozen=True)
class KeyProfile:
    """Keys as another program has them.

    Parameters
    ----------
    name : str
        Stored in the settings.
    title : str
        What a person reads, marked with `N_`.
    keys : dict of str to tuple of str
        By id of the action; an empty tuple takes its keys away. As in
        `PlainAction.keys`.
    """

    name: str
    title: str
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)


_SLICER = {
    "medlab.view.up": ("Up", "Right", "F"),
    "medlab.view.down": ("Down", "Left", "B"),
    "medlab.view.fit": ("R", "Ctrl+0"),
    "medlab.annotate.review_mode": ("Shift+R",),
    "medlab.view.mask": ("G",),
    "medlab.view.prediction": ("T",),
    "medlab.annotate.accept_slice": ("Shift+T",),
    "medlab.annotate.previous_class": ("Q",),
    "medlab.annotate.next_class": ("W",),
    "medlab.annotate.undo": ("Ctrl+Z", "Z"),
    "medlab.annotate.redo": ("Ctrl+Shift+Z", "Ctrl+Y", "Y"),
    "medlab.annotate.smaller": ("-", "["),
    "medlab.annotate.larger": ("+", "]"),
    "medlab.annotate.polygon_back": ("X", "Backspace"),
    "medlab.view.crosshair": ("Shift+X",),
    "medlab.measure.angle": ("Shift+G",),
    "medlab.measure.rectangle": ("Shift+B",),
    "medlab.help.palette": ("Ctrl+Shift+P", "Ctrl+F"),
}

_ITK_SNAP = {
    # Its tools have the digits, and there are no modes: a tool changes to Annotate.
    "medlab.annotate.review_mode": ("1", "R"),
    "medlab.annotate.pan": ("2",),
    "medlab.annotate.polygon": ("3",),
    "medlab.annotate.brush": ("4",),
    "medlab.measure.distance": ("6",),
    "medlab.annotate.eraser": ("7",),
    "medlab.annotate.fill": ("8",),
    "medlab.annotate.pick": ("9",),
    **{f"medlab.view.preset_{n}": (f"Ctrl+Alt+{n}",) for n in range(1, 10)},
    "medlab.annotate.annotate_mode": ("Shift+A",),
    "medlab.annotate.smaller": ("-", "_"),
    "medlab.annotate.larger": ("+", "="),
    "medlab.annotate.previous_class": (",", "<"),
    "medlab.annotate.next_class": (".", ">"),
    "medlab.view.mask": ("S",),
    "medlab.view.mask_fainter": ("A",),
    "medlab.view.mask_stronger": ("D",),
    "medlab.view.prediction": ("W",),
    "medlab.measure.visible": ("X",),
    "medlab.view.crosshair": ("Shift+X",),
    "medlab.view.layout_next": ("|",),
    "medlab.view.fit": ("Ctrl+F",),
    "medlab.view.preset_own": ("Ctrl+J",),
    "medlab.classes": ("Ctrl+L",),
    "medlab.import": ("Ctrl+G", "Ctrl+O"),
}

_PACS = {
    "medlab.view.cine": ("C",),
    "medlab.annotate.next_class": ("Shift+C",),
    "medlab.annotate.previous_class": (),
    "medlab.view.invert": ("I",),
    "medlab.view.corner_text": ("Shift+I",),
    "medlab.view.zoom_in": ("+",),
    "medlab.view.zoom_out": ("-",),
    "medlab.view.fit": ("=", "Ctrl+Return"),
    "medlab.measure.distance": ("D",),
    "medlab.measure.angle": ("A",),
    "medlab.annotate.annotate_mode": ("Shift+A",),
    "medlab.measure.delete": ("Del", "Backspace"),
    "medlab.view.up10": ("PgUp", "Shift+Up"),
    "medlab.view.down10": ("PgDown", "Shift+Down"),
}

KEY_PROFILES: tuple[KeyProfile, ...] = (
    KeyProfile("medlab", N_("MedLab")),
    KeyProfile("slicer", N_("3D Slicer"), _SLICER),
    KeyProfile("itksnap", N_("ITK-SNAP"), _ITK_SNAP),
    KeyProfile("pacs", N_("PACS (OHIF, Weasis)"), _PACS),
)
"""The first one is MedLab's own."""
