"""Figures of a slice before and after preprocessing, as a small table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from medlab_gui.core.i18n import N_, _

if TYPE_CHECKING:
    from medlab_gui.imaging.quality import Quality

__all__ = ["FiguresView", "figure_rows"]

_ROWS = (
    (
        "noise",
        N_("Noise"),
        N_(
            "Standard deviation in the flattest window inside the body (the dashed "
            "square), in percent of black to white."
        ),
    ),
    (
        "sharpness",
        N_("Sharpness"),
        N_(
            "Mean slope across the strongest edges of the original, in percent of "
            "black to white per pixel."
        ),
    ),
    (
        "entropy",
        N_("Entropy"),
        N_("Shannon's entropy of the 256 grey levels shown, in bits (0 to 8)."),
    ),
    (
        "psnr",
        N_("PSNR"),
        N_(
            "Peak signal-to-noise ratio to the original as shown; infinite where "
            "nothing changed."
        ),
    ),
    (
        "ssim",
        N_("SSIM"),
        N_("Structural similarity to the original as shown; 1 is the same."),
    ),
)


def figure_rows(quality: Quality) -> dict[str, tuple[str, str]]:
    """Return what is written in each row: before (may be empty) and after.

    Parameters
    ----------
    quality : Quality
        As measured on a slice.
    """
    q = quality
    psnr = "\N{INFINITY}" if math.isinf(q.psnr_db) else _plain(q.psnr_db, 1)
    return {
        "noise": (_percent(q.noise_before), _percent(q.noise_after)),
        "sharpness": (_percent(q.sharpness_before), _percent(q.sharpness_after)),
        "entropy": (_plain(q.entropy_before, 2), f"{_plain(q.entropy_after, 2)} bit"),
        "psnr": ("", f"{psnr} dB"),
        "ssim": ("", _plain(q.ssim, 3)),
    }


def _plain(value: float, digits: int) -> str:
    return "\N{EN DASH}" if math.isnan(value) else f"{value:.{digits}f}"


def _percent(value: float) -> str:
    return "\N{EN DASH}" if math.isnan(value) else f"{100 * value:.2f} %"


class FiguresView(QWidget):
    """Noise, sharpness, entropy, PSNR and SSIM of the slice shown.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(4, 2, 4, 2)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        right = Qt.AlignmentFlag.AlignRight
        for column, text in ((1, _("Original")), (3, _("Processed"))):
            grid.addWidget(QLabel(text, self), 0, column, right)
        self.cells: dict[str, tuple[QLabel, QLabel]] = {}
        # Room for the longest figure from the start: a label that grows would have
        # the whole panel laid out anew while a slider moves.
        wide = self.fontMetrics().horizontalAdvance("100.00 %")
        for row, (key, title, tip) in enumerate(_ROWS, start=1):
            name = QLabel(_(title), self)
            before, after = QLabel(self), QLabel(self)
            arrow = QLabel("\N{RIGHTWARDS ARROW}", self)
            grid.addWidget(name, row, 0)
            grid.addWidget(before, row, 1, right)
            grid.addWidget(arrow, row, 2)
            grid.addWidget(after, row, 3, right)
            arrow.setVisible(key not in ("psnr", "ssim"))
            for label in (before, after):
                label.setMinimumWidth(wide)
                label.setAlignment(right)
            for label in (name, before, after):
                label.setToolTip(_(tip))
            after.setAccessibleName(_(title))
            self.cells[key] = (before, after)
        grid.setRowStretch(len(_ROWS) + 1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(_("Figures of the slice, original and processed"))

    def set_quality(self, quality: Quality | None) -> None:
        """Show other figures; None clears."""
        rows = figure_rows(quality) if quality is not None else {}
        for key, (before, after) in self.cells.items():
            first, second = rows.get(key, ("", ""))
            before.setText(first)
            after.setText(second)
        self.setAccessibleDescription(
            "; ".join(
                _("{what}: {before} to {after}").format(
                    what=_(title), before=rows[key][0], after=rows[key][1]
                )
                if rows[key][0]
                else f"{_(title)}: {rows[key][1]}"
                for key, title, _tip in _ROWS
                if key in rows
            )
        )
