"""Phases of a recipe in the dialog for fine-tuning: shown and kept as they are."""

from __future__ import annotations

import json

import pytest

from medlab_gui.commands.train_options import train_spec
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.training_presets import read_training_preset, training_presets
from medlab_gui.gui.dialogs import finetune
from medlab_gui.gui.dialogs.finetune import FineTuneDialog
from medlab_gui.learning.forecast import Pace
from tests.gui.docks_phantom import add_weights, label, make_project

PACE = Pace(look=0.0, learn_head=1.0, learn_all=100.0, device="cpu")


@pytest.fixture
def dialog(qtbot, tmp_path, bench, monkeypatch):
    monkeypatch.setattr(finetune, "pace_in_child", lambda *_args: PACE)
    dialog = FineTuneDialog(bench)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.start.isEnabled)
    return dialog


@pytest.fixture
def folder(tmp_path):
    """The project that `bench` opens."""
    folder = tmp_path / "project"
    make_project(folder)
    add_weights(folder)
    label(folder, "1.2.0.1", range(3, 11))
    return folder


def read(dialog):
    """Return what stands in the rows that are seen: title, figures, what learns."""
    return [
        (row.title.text(), row.epochs.text(), row.lr.text(), row.tip.text())
        for row in dialog._phases_shown
        if row.isVisible()
    ]


def test_a_phase_says_what_learns_in_it(dialog):
    assert read(dialog) == [
        (
            *("Phase 1", "2 epochs", "0.001"),
            "The encoder is frozen; the rest learns your labels first.",
        ),
        ("Phase 2", "4 epochs", "0.0003", "Everything learns, in smaller steps."),
    ]
    dialog.recipe.choose("mri-lesion")
    frozen = "The encoder is frozen; the rest learns."
    assert read(dialog) == [("Phase 1", "50 epochs", "0.001", frozen)]
    assert dialog.augment.text().startswith("Four of six at random")
    dialog.recipe.choose("liver-fcn")
    everything = ("Phase 1", "50000 iterations", "0.00003", "Everything learns.")
    assert read(dialog) == [everything]
    dialog.recipe.choose("")
    assert len(read(dialog)) == 2
    assert dialog.augment.text().startswith("Rotate, scale")


def test_the_forecast_is_of_what_learns(dialog, qtbot):
    """Dense layers alone were reckoned as if all convolutions learned, too."""
    dialog.recipe.choose("mri-lesion")
    dialog.recipe.cross_validate.setChecked(False)
    n_training, _judges = dialog._facts.shares()
    (phase,) = dialog._phases(n_training)
    assert (phase.epochs, phase.trainable) == (50, "head")


def test_a_recipe_that_is_not_changed_is_what_is_trained(dialog, tmp_path):
    """Rates were rounded to six decimals and, as batches and iterations, cut off."""
    rates = (2.5e-7, 1.23456789e-4, 3e-8)
    phases = [
        {"name": "head", "epochs": 3, "lr": rates[0], "trainable": "head"},
        {"name": "middle", "epochs": 7, "lr": rates[1], "trainable": ["decoder"]},
        {"name": "all", "steps": 2_000_000, "lr": rates[2]},
    ]
    spec = {"network": {"name": "unet"}, "phases": phases, "batch": 512}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(spec), encoding="utf-8")
    dialog.recipe.choose(str(file))
    titles = [(row[0], row[1]) for row in read(dialog)]
    assert titles == [("Phase 1", "3 epochs"), ("Phase 3", "2000000 iterations")]
    assert "before phase 3 is as the recipe says" in read(dialog)[0][3]
    assert read(dialog)[0][2] == "0.00000025"
    scheme = LabelScheme.from_names("x", ["One"])
    wanted = read_training_preset(str(file)).for_scheme(scheme)
    assert train_spec(dialog.params, scheme, None) == wanted
    # What is not asked for has no bounds but the recipe's own.
    params = dialog.params
    assert (params.lr_head, params.epochs_all, params.lr_all) == (None, None, None)
    assert (params.batch, params.seed, params.augment) == (None, None, None)
    n_each = [phase.epochs for phase in dialog._phases(1024)]
    assert n_each == [3, 7, 1_000_000]
    dialog.lr_all.setValue(0.002)
    changed = train_spec(dialog.params, scheme, None).phases[2]
    assert (changed.lr, changed.steps) == (0.002, 2_000_000)


@pytest.mark.parametrize("name", training_presets())
def test_every_preset_is_trained_as_it_is(dialog, name):
    dialog.recipe.choose(name)
    preset = training_presets()[name]
    scheme = LabelScheme.from_names("x", ["One", "Two", "Three"][: _classes(preset)])
    dialog.recipe.transfer.setChecked(True)
    made = train_spec(dialog.params, scheme, None)
    assert made == preset.for_scheme(scheme)
    assert dialog.params.folds in (None, preset.folds)


def _classes(preset):
    return preset.spec.network.n_classes - 1
