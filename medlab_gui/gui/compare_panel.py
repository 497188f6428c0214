"""The comparison as a panel over the canvas: pictures, figures, model, read-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.compare_view import CompareLayout, ComparePictures
from medlab_gui.gui.figures_view import FiguresView
from medlab_gui.gui.histogram_view import HistogramView
from medlab_gui.gui.model_badge import ModelBadge
from medlab_gui.gui.model_strip import ModelStrip
from medlab_gui.gui.notify import NoticeBar

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent, QImage, QPaintEvent, QShowEvent

    from medlab_gui.gui.model_look import ModelLook
    from medlab_gui.gui.preview import Figures, Preview
    from medlab_gui.gui.slice_camera import SliceCamera
    from medlab_gui.imaging.quality import Region

__all__ = ["ComparePanel"]


class ComparePanel(QWidget):
    """Covers the canvas of the main window while two pictures are compared.

    napari's canvas is one scene with one camera; two pictures in it would get in the
    way of layers, tools and the mask. So the comparison lies over it, looks at the
    same part of the slice, and goes away without a trace.

    Parameters
    ----------
    anchor : QWidget
        A widget of the main window; outside a main window the panel is a window.
    camera : SliceCamera, optional
        Which part of the slice is looked at, in common with the canvas.
    """

    arranged = QtCore.Signal(object)
    """The person chose another `CompareLayout`."""
    closed = QtCore.Signal()
    """The person closed the comparison."""

    def __init__(self, anchor: QWidget, camera: SliceCamera | None = None) -> None:
        host = self._canvas_of(anchor)
        super().__init__(host if host is not None else anchor)
        self._host = host
        if host is None:
            self.setWindowFlag(Qt.WindowType.Window)
        else:
            host.installEventFilter(self)
        self.setWindowTitle(_("Compare"))
        # The theme is a style sheet, which would leave a plain widget transparent.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._preview: Preview | None = None
        self._look: ModelLook | None = None
        self._region: Region | None = None
        self.pictures = ComparePictures(camera, self)
        self.model = ModelStrip(self)
        self.model.changed.connect(self._show_overlays)
        self.strip = self._figure_strip()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(self._top_bar())
        rows.addWidget(self.pictures, 1)
        rows.addLayout(self._info_bar())
        rows.addWidget(self.model)
        rows.addWidget(self.strip)
        self.setFocusProxy(self.pictures)
        self.pictures.hovered.connect(self._read)
        self.pictures.dismissed.connect(self.closed.emit)
        self.hide()

    # ---- building -------------------------------------------------------------

    def _top_bar(self) -> QHBoxLayout:
        self._buttons = QButtonGroup(self)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 3, 6, 3)
        for layout, title, tip in (
            (
                CompareLayout.SIDE,
                _("Side by side"),
                _("Both slices next to each other"),
            ),
            (CompareLayout.SWIPE, _("Swipe"), _("Drag the line over the slice")),
            (
                CompareLayout.DIFFERENCE,
                _("Difference"),
                _("What became darker (blue) and brighter (orange)"),
            ),
        ):
            button = QToolButton(self)
            button.setText(title)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setProperty("arrangement", str(layout))
            self._buttons.addButton(button)
            bar.addWidget(button)
        self._buttons.buttonClicked.connect(self._chosen)
        self.badge = ModelBadge(short=True, parent=self)
        fit = QToolButton(self)
        fit.setText(_("Fit"))
        fit.setToolTip(_("Show the whole slice (double click)"))
        fit.clicked.connect(self.pictures.camera.fit)
        close = QPushButton(_("Back to the canvas"), self)
        close.setToolTip(_("Close the comparison (Esc)"))
        close.clicked.connect(self.closed.emit)
        bar.addStretch(1)
        bar.addWidget(self.badge)
        bar.addWidget(fit)
        bar.addWidget(close)
        return bar

    def _info_bar(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 3, 6, 1)
        bar.setSpacing(10)
        self.place = QLabel(self)
        self.readout = QLabel(self)
        self.readout.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.readout.setAccessibleName(_("Values under the pointer"))
        self.outline = QCheckBox(_("Mask outline"), self)
        self.outline.setToolTip(_("Draw the outline of your mask over the pictures"))
        self.outline.setChecked(True)
        self.outline.toggled.connect(self.pictures.set_outline_shown)
        self.log = QCheckBox(_("Logarithmic counts"), self)
        self.log.setToolTip(_("Space the counts by decades: rare values show"))
        self.log.toggled.connect(self.before.set_log)
        self.log.toggled.connect(self.after.set_log)
        self.figures_shown = QCheckBox(_("Figures"), self)
        self.figures_shown.setToolTip(_("Show histograms and figures"))
        self.figures_shown.setChecked(True)
        self.figures_shown.toggled.connect(self._show_strip)
        bar.addWidget(self.place)
        bar.addWidget(self.readout, 1)
        for box in (self.outline, self.log, self.figures_shown):
            bar.addWidget(box)
        return bar

    def _figure_strip(self) -> QWidget:
        strip = QWidget(self)
        row = QHBoxLayout(strip)
        row.setContentsMargins(4, 0, 4, 4)
        self.before = HistogramView(_("Original"), 0, strip)
        self.after = HistogramView(_("Processed"), 1, strip)
        self.figures = FiguresView(strip)
        row.addWidget(self.before, 1)
        row.addWidget(self.figures)
        row.addWidget(self.after, 1)
        strip.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        return strip

    def _show_strip(self, shown: bool) -> None:
        self.strip.setVisible(shown)
        self.log.setVisible(shown)
        self._show_region()

    @staticmethod
    def _canvas_of(widget: QWidget) -> QWidget | None:
        above: QWidget | None = widget
        while above is not None:
            if isinstance(above, QMainWindow):
                return above.centralWidget()
            above = above.parentWidget()
        return None

    @property
    def is_window(self) -> bool:
        """Whether there was no main window to lie in."""
        return self._host is None

    # ---- what is shown --------------------------------------------------------

    def arrange(self, layout: CompareLayout, *, take_focus: bool = True) -> None:
        """Lay the pictures out, and show the panel.

        Parameters
        ----------
        layout : CompareLayout
            How.
        take_focus : bool
            Whether keys go to the pictures: not while somebody moves a slider.
        """
        self.pictures.arrangement = layout
        for button in self._buttons.buttons():
            button.setChecked(button.property("arrangement") == str(layout))
        if self.isHidden():
            self.show()
            if take_focus:
                self.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_preview(self, preview: Preview | None, n_slices: int) -> None:
        """Show another slice or result; what belongs to another slice goes."""
        moved = (
            preview is None
            or self._preview is None
            or (preview.uid, preview.k) != (self._preview.uid, self._preview.k)
        )
        self._preview = preview
        self.pictures.set_preview(preview)
        if moved:
            # Greyed until those of this slice are counted.
            self.strip.setEnabled(False)
            self._region = None
            self._show_region()
            self.place.setText(
                ""
                if preview is None
                else _("Slice {k} of {n}").format(k=preview.k + 1, n=n_slices)
            )
        if preview is None:
            self.set_figures(None)
        self._read(self.pictures.voxel_under_pointer())

    def set_figures(self, figures: Figures | None) -> None:
        """Show the histograms and figures of what is shown."""
        p = self._preview
        if figures is None or p is None:
            self.before.set_histogram(None)
            self.after.set_histogram(None)
            self.figures.set_quality(None)
            self._region = None
        else:
            marks = p.original_ends
            self.before.set_histogram(figures.original_histogram, p.unit, marks)
            self.after.set_histogram(figures.processed_histogram, p.processed_unit)
            self.figures.set_quality(figures.quality)
            self._region = figures.quality.region
            self.strip.setEnabled(True)
        self._show_region()

    def _show_region(self) -> None:
        self.pictures.set_region(
            self._region if self.figures_shown.isChecked() else None
        )

    def set_look(self, look: ModelLook | None) -> None:
        """Show what the model says about what is shown; None: nothing yet."""
        if look is not self._look:
            self._look = look
            self.model.show_look(look)
            self._show_overlays()

    def _show_overlays(self) -> None:
        self.pictures.set_overlays(self._overlay(0), self._overlay(1))

    def _overlay(self, side: int) -> tuple[QImage, ...]:
        if self._look is None:
            return ()
        images = []
        if self.model.entropy_shown.isChecked():
            images.append(self._look.entropies[side])
        if self.model.mask_shown.isChecked():
            images.append(self._look.masks[side])
        return tuple(images)

    def _chosen(self, button: QToolButton) -> None:
        layout = CompareLayout(button.property("arrangement"))
        self.pictures.arrangement = layout
        self.arranged.emit(layout)

    def _read(self, voxel: tuple[int, int] | None) -> None:
        p = self._preview
        if voxel is None or p is None:
            self.readout.setText("")
            return
        before, after = float(p.original[voxel]), float(p.processed[voxel])
        unit = f" {p.unit}" if p.unit else ""
        unit_after = f" {p.processed_unit}" if p.processed_unit else ""
        text = f"{before:g}{unit}  \N{RIGHTWARDS ARROW}  {after:.3g}{unit_after}"
        if self.pictures.arrangement is CompareLayout.DIFFERENCE:
            by = float(p.difference[voxel])
            by, places = (100 * by, 1) if p.difference_unit == "%" else (by, 0)
            text += f"  ({by:+.{places}f} {p.difference_unit})"
        self.readout.setText(f"    {text}")

    # ---- lying over the canvas --------------------------------------------------

    def _cover(self) -> None:
        if self._host is not None:
            self.setGeometry(self._host.rect())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the canvas."""
        if watched is self._host and event.type() == QEvent.Type.Resize:
            self._cover()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cover the canvas with the theme's colour."""
        QPainter(self).fillRect(
            self.rect(), self.palette().color(QPalette.ColorRole.Window)
        )

    def _let_paint(self, allowed: bool) -> None:
        """Let what lies under the panel draw itself, or spare it that.

        The canvas would draw each slice that nobody sees, and everything above it
        with it.
        """
        if self._host is not None:
            for below in self._host.findChildren(
                QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly
            ):
                if below is not self:
                    below.setUpdatesEnabled(allowed)

    def showEvent(self, event: QShowEvent) -> None:
        """Cover the canvas."""
        self._cover()
        self.raise_()
        self._let_paint(False)
        super().showEvent(event)
        if self._host is not None:
            for bar in self._host.findChildren(NoticeBar):
                # What is being said must not go under.
                bar.stay_above()

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the canvas back; end the comparison if its own window is closed."""
        self._let_paint(True)
        if self.is_window and not event.spontaneous():
            self.closed.emit()
        super().hideEvent(event)
