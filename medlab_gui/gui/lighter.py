"""The same pictures from napari for less work: every frame is one the window waits for.

Each function takes over something that napari or vispy does and does it more cheaply;
`tests/gui/test_lighter.py` compares with what they do themselves.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.gui.napari_private import canvas_widget

if TYPE_CHECKING:
    from napari import Viewer
    from qtpy.QtWidgets import QWidget

__all__ = ["lighten"]


def lighten(viewer: Viewer) -> None:
    """Take over what of napari's work on a frame can be done more cheaply."""
    _slice_once(viewer)
    _outline_quickly()
    _call_opengl_directly()
    _draw_once_when_resized(canvas_widget(viewer))


def _slice_once(viewer: Viewer) -> None:
    """Slice the layers once for each step: napari does for the point and its index.

    An index never changes without its point.
    """
    viewer.dims.events.current_step.disconnect(viewer._update_layers)


def _outline_quickly() -> None:
    """Find the outlines of labels by comparing neighbours.

    napari filters the slice twice in any shape: 6 ms, for thick lines 12 ms.
    """
    from napari.layers.labels import labels as module

    theirs = module.get_contours
    if theirs.__module__ == __name__:
        return

    def get_contours(labels: Any, thickness: int, background_label: int) -> Any:
        if labels.ndim != 2:
            return theirs(labels, thickness, background_label)
        return outline(labels, thickness, background_label)

    module.get_contours = get_contours


def outline(labels: np.ndarray, thickness: int, background: int) -> np.ndarray:
    """Keep the pixels at the border of their label.

    Parameters
    ----------
    labels : ndarray of int, shape (y, x)
        Labels.
    thickness : int
        A pixel is kept where a smaller label is at most so many steps to its four
        neighbours away, or a larger one a single step.
    background : int
        What all other pixels become.

    Returns
    -------
    ndarray, shape (y, x), type of `labels`
        What napari's ``get_contours`` returns.
    """
    largest = _over_neighbours(labels, np.maximum)
    smallest = labels
    for _step in range(thickness):
        smallest = _over_neighbours(smallest, np.minimum)
    return np.where(largest != smallest, labels, labels.dtype.type(background))


def _over_neighbours(labels: np.ndarray, pick: np.ufunc) -> np.ndarray:
    """Pick one of each pixel and its four neighbours."""
    picked = labels.copy()
    pick(picked[1:], labels[:-1], out=picked[1:])
    pick(picked[:-1], labels[1:], out=picked[:-1])
    pick(picked[:, 1:], labels[:, :-1], out=picked[:, 1:])
    pick(picked[:, :-1], labels[:, 1:], out=picked[:, :-1])
    return picked


def _call_opengl_directly() -> None:
    """Let vispy call OpenGL itself where it can.

    napari draws points with instancing, which vispy's own OpenGL functions lack; to
    have it, it makes vispy call everything through PyOpenGL, whose functions are some
    times slower and each of which asks OpenGL for errors afterwards. Outside Windows
    ours keep Python's lock, too: given away at each of the some hundred calls of a
    frame, it would have to be waited for as often while other threads compute.
    """
    from vispy.gloo import gl
    from vispy.gloo.gl import gl2

    if os.name == "posix" and isinstance(gl2._lib, ctypes.CDLL):
        gl2._lib = ctypes.PyDLL(gl2._lib._name)
    for name, function in vars(gl2).items():
        if name.startswith("gl") and callable(function):
            setattr(gl, name, function)


def _draw_once_when_resized(canvas: QWidget) -> None:
    """Do not draw while a canvas takes its new size: it is drawn right afterwards.

    Qt asks for a picture in the middle of that, in the turn of whoever resized it, and
    shows only the next one, which it asks for as soon as it draws the window.
    """
    kind: Any = next(k for k in type(canvas).__mro__ if "resizeGL" in vars(k))
    if kind.resizeGL.__module__ == __name__:
        return
    resize, draw = kind.resizeGL, kind.paintGL

    def resizeGL(self: Any, width: int, height: int) -> None:
        resize(self, width, height)
        self._was_resized = True

    def paintGL(self: Any) -> None:
        if getattr(self, "_was_resized", False):
            self._was_resized = False
            self.update()
        else:
            draw(self)

    kind.resizeGL, kind.paintGL = resizeGL, paintGL
