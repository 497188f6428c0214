"""Curves of a training: what is kept of its reports, and how they are drawn."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QRectF

from medlab_gui.gui.axes import Axes
from medlab_gui.gui.curves import CurvesView, TrainingCurves
from tests.gui.runs_phantom import report


def test_curves_take_batches_epochs_and_phases():
    curves = TrainingCurves()
    for step in range(1, 5):
        curves.add(report(1, step, 1.0 - 0.1 * step))
    curves.add(report(1, 4, 0.75, dice={"Liver": 0.6, "Spleen": None}))
    curves.add(report(2, 2, 0.4))
    np.testing.assert_allclose(
        curves.steps, [(0.25, 0.9), (0.5, 0.8), (0.75, 0.7), (1.0, 0.6), (1.5, 0.4)]
    )
    np.testing.assert_allclose(curves.losses, [(1.0, 0.75), (2.0, 0.4)])
    assert curves.dice == {"Liver": [(1.0, 0.6)]}
    assert curves.phases == [(0.0, "head"), (1.0, "all")]
    assert curves.epochs == 3


def test_curves_of_a_history_are_those_that_were_seen():
    curves = TrainingCurves.from_history(
        [
            {"epoch": 1, "phase": "head", "loss": 0.9, "dice": {"Liver": 0.5}},
            {"epoch": 2, "phase": "all", "loss": 0.6, "dice": {"Liver": 0.7}},
        ]
    )
    assert curves.losses == [(1.0, 0.9), (2.0, 0.6)]
    assert curves.dice == {"Liver": [(1.0, 0.5), (2.0, 0.7)]}
    assert curves.epochs == 2
    assert curves.phases == [(0.0, "head"), (1.0, "all")]
    assert curves.steps == [], "single batches are not in a history"
    assert not curves.is_empty


def test_curves_view_paints_every_state(qtbot):
    view = CurvesView()
    qtbot.addWidget(view)
    view.resize(280, 300)
    empty = view.grab().toImage()
    curves = TrainingCurves()
    curves.add(report(1, 1, 0.9))
    view.set_curves(curves)
    one = view.grab().toImage()
    assert one != empty
    curves.add(report(1, 4, 0.8, dice={"Liver": 0.5}))
    view.set_curves(curves)
    assert view.grab().toImage() != one


def test_names_of_short_phases_stand_above_one_another(qtbot):
    view = CurvesView()
    qtbot.addWidget(view)
    curves = TrainingCurves()
    for epoch in (1, 2, 3):
        curves.add(report(epoch, 4, 0.5))
    phases = [{"name": name, "trainable": name} for name in ("head", "all")]
    curves.spec = {"phases": phases}
    view.set_curves(curves)
    axes = Axes(QRectF(0, 0, 120, 100), (0.0, 3.0), (0.0, 1.0))
    (_frozen, first), (_all, second) = view.phase_names(axes)
    assert first.width() > axes.to_x(1) - axes.to_x(0), "there is too little room"
    assert not first.intersects(second)
    wide = Axes(QRectF(0, 0, 1200, 100), (0.0, 3.0), (0.0, 1.0))
    assert len({place.top() for _name, place in view.phase_names(wide)}) == 1


def test_phases_are_called_by_what_learns_in_them(qtbot):
    view = CurvesView()
    qtbot.addWidget(view)
    curves = TrainingCurves()
    for epoch in (1, 2):
        curves.add(report(epoch, 4, 0.5))
    axes = Axes(QRectF(0, 0, 900, 100), (0.0, 3.0), (0.0, 1.0))

    def titles(*phases):
        curves.spec = {"phases": [{"name": n, "trainable": t} for n, t in phases]}
        view.set_curves(curves)
        return [title for title, _place in view.phase_names(axes)]

    assert titles(("head", "head"), ("all", "all")) == ["encoder frozen", "all learn"]
    assert titles(("head", "all"), ("all", "all"))[0] == "all learn", (
        "a name is no fact"
    )
    assert titles(("head", ["out"]), ("all", "head")) == [
        "some learn",
        "encoder frozen",
    ]
    curves.phases = [(0.0, "warm")]
    assert titles(("warm", "head")) == ["warm: encoder frozen"]
    curves.spec = {}
    assert [title for title, _place in view.phase_names(axes)] == ["warm"]
