from __future__ import annotations

import math

import pytest

from medlab_gui.core.training import Phase
from medlab_gui.learning.schedule import Plan, Plateau, learning_rate
from tests.learning.conftest import train_spec

PHASE = Phase("all", 10, 1e-3)


def rate(step=0, epoch=0, n_cuts=0, **changes):
    return learning_rate(
        train_spec(**changes), PHASE, step=step, n_steps=100, epoch=epoch, n_cuts=n_cuts
    )


def test_the_papers_rate_by_step():
    phase = Phase("all", 0, 3e-5, steps=50_000)
    spec = train_spec(schedule="step", decay=0.9, decay_steps=1727)
    for step in (0, 1, 1727, 3454, 40_000):
        found = learning_rate(spec, phase, step=step, n_steps=50_000, epoch=0, n_cuts=0)
        assert found == pytest.approx(3e-5 * 0.9 ** (step / 1727), rel=1e-12)


def test_by_epoch():
    assert rate(step=57, epoch=3, decay=0.9) == pytest.approx(1e-3 * 0.9**3)


def test_cosine_falls_from_all_to_the_floor():
    assert rate(0, schedule="cosine") == pytest.approx(1e-3)
    assert rate(50, schedule="cosine") == pytest.approx(5e-4)
    assert rate(100, schedule="cosine", floor=0.1) == pytest.approx(1e-4)


def test_plateau_cuts_after_patience():
    plateau = Plateau()
    seen = []
    for loss in (3.0, 2.0, 2.1, 2.0, 1.9, 1.95, 1.9, 1.9):
        plateau.see(loss, 2)
        seen.append(plateau.n_cuts)
    # 2.0 twice is not better; nor is 1.9 after 1.9.
    assert seen == [0, 0, 0, 1, 1, 1, 2, 2]
    assert rate(n_cuts=2, schedule="plateau", decay=0.1) == pytest.approx(1e-5)
    assert rate(n_cuts=9, schedule="plateau", decay=0.1, floor=0.01) == pytest.approx(
        1e-5
    )


def test_warm_up_grows_evenly_to_the_full_rate():
    rates = [rate(step, warmup_steps=4) for step in range(6)]
    assert rates == pytest.approx([2e-4, 4e-4, 6e-4, 8e-4, 1e-3, 1e-3])


def test_a_plan_counts_epochs_and_steps():
    phases = (Phase("a", 2, 1e-3), Phase("b", 0, 1e-3, steps=7), Phase("c", 0, 1e-3))
    plan = Plan(phases, 3)
    assert plan.epochs == ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2))
    assert [plan.steps_of(*place) for place in plan.epochs] == [3, 3, 3, 3, 1]
    assert plan.n_steps == 13
    assert plan.phase_epochs(1) == math.ceil(7 / 3)
