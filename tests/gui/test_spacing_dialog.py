"""The dialog for the spacing of pictures."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QDoubleSpinBox, QPushButton

from medlab_gui.gui.dialogs.spacing import SpacingDialog
from medlab_gui.io import scan

pytestmark = pytest.mark.gui


def parts(dialog):
    boxes = dialog.findChildren(QDoubleSpinBox)
    buttons = {b.text(): b for b in dialog.findChildren(QPushButton)}
    return boxes, buttons


def test_nothing_is_assumed_and_all_three_are_asked_for(qtbot):
    dialog = SpacingDialog("liver", (12, 512, 512))
    qtbot.addWidget(dialog)
    boxes, buttons = parts(dialog)
    ok = buttons["Open with these distances"]
    assert dialog.spacing == (0, 0, 0)
    for box, value in zip(boxes, (3, 0.75, 0.7), strict=True):
        assert not ok.isEnabled()
        box.setValue(value)
    assert ok.isEnabled()
    assert dialog.spacing == pytest.approx((3, 0.75, 0.7))
    assert dialog.option == "3,0.75,0.7"
    with qtbot.waitSignal(dialog.accepted):
        ok.click()


def test_tags_of_a_tiff_are_offered(qtbot, tmp_path):
    tifffile.imwrite(
        tmp_path / "x.tif",
        np.arange(60, dtype=np.uint8).reshape(3, 4, 5),
        photometric="minisblack",
        resolution=(20, 40),
        resolutionunit="CENTIMETER",
    )
    (series,) = scan(tmp_path / "x.tif").series
    dialog = SpacingDialog.for_series(series)
    qtbot.addWidget(dialog)
    _, buttons = parts(dialog)
    assert dialog.spacing == (0, 0, 0)
    buttons["Take 0.25 × 0.5 mm from the files"].click()
    assert dialog.spacing == pytest.approx((0, 0.25, 0.5))
    assert not buttons["Open with these distances"].isEnabled()
