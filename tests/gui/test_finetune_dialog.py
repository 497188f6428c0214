"""The fine-tuning dialog, and one real fine-tuning in its child process."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from qtpy.QtCore import Qt

from medlab_gui.commands.choosers import FEWEST
from medlab_gui.commands.train import TrainParams
from medlab_gui.commands.train_options import train_spec
from medlab_gui.core.records import RunState
from medlab_gui.core.specs import PipelineSpec
from medlab_gui.core.training import Phase
from medlab_gui.gui.dialogs import finetune
from medlab_gui.gui.dialogs.finetune import FineTuneDialog
from medlab_gui.gui.dialogs.form_area import FormArea
from medlab_gui.gui.docks.runs import RunsDock
from medlab_gui.gui.training_facts import (
    FEWEST_TO_CHOOSE,
    TrainingFacts,
    foretold,
    gather,
)
from medlab_gui.learning.forecast import Pace, measure_pace
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import NETWORK, add_weights, label, make_project

ONE, TWO = "1.2.0.1", "1.2.1.1"
SHOWN = TrainParams(
    epochs_head=2,
    lr_head=1e-3,
    epochs_all=4,
    lr_all=3e-4,
    batch=4,
    seed=0,
    augment=True,
)
"""What the dialog shows at first."""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    make_project(folder)
    return folder


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """What was timed: here on a thread, since a child has to import torch each time."""
    asked = []

    def pace(network, shape_yx, ctx):
        asked.append((network, ctx.device))
        return measure_pace(network, shape_yx, ctx.device)

    monkeypatch.setattr(finetune, "pace_in_child", pace)
    return asked


def shown(qtbot, bench):
    dialog = FineTuneDialog(bench)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: not bench.jobs.active)
    return dialog


def test_forecast_counts_both_phases_and_the_judges():
    pace = Pace(look=0.1, learn_head=0.2, learn_all=0.5, device="cpu")
    phases = (Phase("head", 2, 1e-3, "head"), Phase("all", 3, 1e-3, "all"))
    none = pace.seconds((), 10, 5)
    assert none == pytest.approx(8 + 3 * 5 * 0.1)
    both = 2 * (10 * 0.2 + 5 * 0.1 + 0.3) + 3 * (10 * 0.5 + 5 * 0.1 + 0.3)
    assert pace.seconds(phases, 10, 5) == pytest.approx(none + both)


def test_facts_leave_locked_slices_out(folder):
    add_weights(folder)
    label(folder, ONE, range(3, 9))
    made = label(folder, TWO, range(5, 7), seed=1)
    with ProjectStore.open(folder) as store:
        store.lock_slices(TWO, [5], made)
        facts = gather(store)
    # The other slice of the locked patient does not teach: somebody else can.
    assert (facts.n_training, facts.n_patients) == (6, 1)
    assert (facts.n_locked, facts.n_locked_patients) == (1, 1)
    assert facts.network == NETWORK
    # 96 x 96 voxels of 1.2 x 1.0 mm, seen at 2 mm.
    assert facts.shape_yx == pytest.approx((57.6, 48.0))
    assert facts.refusal == ""
    assert "1 patient" in facts.judged_by


def test_folds_are_not_said_to_be_judged_by_locked_slices(qtbot, folder, bench):
    add_weights(folder)
    label(folder, ONE, range(3, 13))
    made = label(folder, TWO, range(5, 7), seed=1)
    with ProjectStore.open(folder) as store:
        store.lock_slices(TWO, [5], made)
    dialog = shown(qtbot, bench)
    assert "Judged by the 1 locked validation slice of" in dialog.facts.text()
    dialog.recipe.choose("mri-lesion")
    qtbot.waitUntil(lambda: not bench.jobs.active)
    said = dialog.facts.text()
    assert "Learns 5 times" in said
    # The other slice of the patient who has the locked one is dealt into a fold, too.
    assert "11 labelled slices of 2 patients" in said
    assert "Locked validation slices take no part" in said
    dialog.recipe.cross_validate.setChecked(False)
    assert "Judged by the 1 locked validation slice of" in dialog.facts.text()


def test_facts_are_told_in_words_that_fit_the_numbers(folder):
    facts = TrainingFacts(1, 1, 0, 0, None, (9, 9), n_unlocked=1, n_unlocked_patients=1)
    assert facts.refusal.startswith("Only 1 slice is labelled, and some")
    assert facts.learns_from.startswith("Learns from at most 1 labelled slice of 1 pat")
    assert "about 1 of the labelled slices is locked now, and judges" in facts.judged_by
    assert "choose the epoch" not in facts.learns_from
    many = replace(facts, n_training=FEWEST_TO_CHOOSE, n_patients=2)
    assert "at most 20 labelled slices of 2 patients: those next" in many.learns_from
    assert many.learns_from.endswith(" Some of them choose the epoch instead.")
    assert FEWEST_TO_CHOOSE == FEWEST
    # Of one patient alone the neighbours of those that judge do not teach.
    made = label(folder, ONE, range(3, 9))
    with ProjectStore.open(folder) as store:
        store.lock_slices(ONE, [5], made)
        assert gather(store).n_training == 3


def test_folds_learn_from_all_but_one_share():
    facts = TrainingFacts(10, 1, 2, 1, None, (9, 9), n_unlocked=15)
    assert facts.shares() == (10, 2)
    assert facts.shares(5) == (12, 3)


def test_a_busy_machine_is_told():
    idle = Pace(0.1, 0.2, 0.5, "cpu", waiting=1.2)
    assert "busy" not in foretold(idle, 90, 4)
    said = foretold(replace(idle, waiting=6.04), 90, 4)
    assert "while they do, about 6 times as long" in said
    assert said.startswith(foretold(idle, 90, 4))


def test_nothing_labelled_is_refused(qtbot, bench):
    dialog = shown(qtbot, bench)
    assert "Nothing is labelled yet" in dialog.facts.text()
    assert not dialog.start.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isHidden()


def test_too_little_to_share_out_is_refused(qtbot, folder, bench):
    label(folder, ONE, range(5, 8))
    dialog = shown(qtbot, bench)
    assert "Only 3 slices" in dialog.facts.text()
    assert not dialog.start.isEnabled()


def test_it_says_what_it_will_do_and_starts(qtbot, folder, bench, measured):
    add_weights(folder)
    label(folder, ONE, range(3, 11))
    launched = []
    bench.launch = lambda verb, params=None, **_more: launched.append((verb, params))
    dialog = shown(qtbot, bench)
    assert "8 labelled slices of 1 patient" in dialog.facts.text()
    assert "about 2 of the labelled slices are locked" in dialog.facts.text()
    assert dialog.start.isEnabled()
    assert dialog.forecast.text().startswith("About ")
    assert [device for _network, device in measured] == ["auto"]
    assert dialog.params == SHOWN
    dialog.epochs_all.setValue(1000)
    assert " min" in dialog.forecast.text() or " h " in dialog.forecast.text()
    dialog.epochs_head.setValue(0)
    dialog.epochs_all.setValue(0)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert dialog.isVisible()
    assert "0 epochs" in dialog.forecast.text()
    dialog.epochs_all.setValue(3)
    qtbot.mouseClick(dialog.augment, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert dialog.isHidden()
    assert launched == [
        (
            "train",
            replace(SHOWN, epochs_head=0, epochs_all=3, augment=False),
        )
    ]


def test_a_device_that_cannot_be_remembered_is_told(
    qtbot, folder, bench, tmp_path, monkeypatch
):
    """The training ran there, and the next dialog had the old one without a word."""
    add_weights(folder)
    label(folder, ONE, range(3, 11))
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("MEDLAB_CONFIG", str(tmp_path / "file" / "settings.json"))
    said = []
    bench.noticed.connect(said.append)
    bench.launch = lambda *_args, **_more: None
    dialog = shown(qtbot, bench)
    dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert dialog.isHidden()
    assert bench.settings.device == "cpu"
    assert ["holds until MedLab closes" in notice.text for notice in said] == [True]


def test_cancelled_and_resumed_for_real(qtbot, folder, bench):
    """From the dialog to adopted or refused, in a process of its own."""
    add_weights(folder)
    label(folder, ONE, range(3, 13))
    dock = RunsDock(bench)
    qtbot.addWidget(dock)
    dock.show()
    dock.ask_finetune()
    dialog = dock.window().findChild(FineTuneDialog)
    qtbot.waitUntil(dialog.start.isEnabled)
    dialog.epochs_head.setValue(1)
    dialog.epochs_all.setValue(dialog.epochs_all.maximum())  # never through by itself
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(dock.curves.curves.dice) == 2)
    qtbot.waitUntil(lambda: "left" in dock.live.status.text())
    qtbot.mouseClick(dock.live.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dock.live.isHidden)
    bench.project_changed.emit()
    run = bench.store.runs()[0]
    assert run.state is RunState.CANCELLED
    assert len(bench.store.locked()) > 0
    seen = len(dock.curves.curves.losses)
    assert seen >= 1
    assert dock.resume.isEnabled()
    qtbot.mouseClick(dock.resume, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(dock.live.curves.steps) > 0)
    # It goes on after the last whole epoch, not from the start.
    assert dock.live.curves.steps[0][0] > 1
    qtbot.mouseClick(dock.live.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dock.live.isHidden)


def test_a_paper_s_recipe_fills_the_form_and_is_what_starts(qtbot, folder, bench):
    add_weights(folder)
    label(folder, ONE, range(3, 11))
    launched = []
    bench.launch = lambda verb, params=None, **_more: launched.append((verb, params))
    dialog = shown(qtbot, bench)
    names = [dialog.recipe.box.itemData(n) for n in range(dialog.recipe.box.count())]
    assert names[:-1] == ["", "liver-fcn", "mandible-unet", "mri-lesion", "quick-cpu"]
    dialog.recipe.choose("quick-cpu")
    qtbot.waitUntil(lambda: not bench.jobs.active)
    assert not dialog.recipe.about.isHidden()
    assert dialog.epochs_all.value() == 20
    assert dialog.lr_all.value() == pytest.approx(2e-3)
    assert not dialog.epochs_head.isEnabled()
    assert not dialog.init.isEnabled()
    assert "GB free" in dialog.forecast.text()
    dialog.recipe.choose("liver-fcn")
    qtbot.waitUntil(lambda: not bench.jobs.active)
    assert " h " in dialog.forecast.text() or "day" in dialog.forecast.text()
    assert dialog.epochs_all.value() == 50_000
    assert dialog.epochs_all.suffix().strip() == "iterations"
    assert dialog.lr_all.value() == pytest.approx(3e-5)
    assert dialog.batch.value() == 2
    assert not dialog.augment.isChecked()
    dialog.recipe.choose("quick-cpu")
    dialog.epochs_all.setValue(3)
    qtbot.waitUntil(lambda: not bench.jobs.active)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    ((verb, params),) = launched
    assert verb == "train"
    assert (params.preset, params.epochs_all, params.init) == ("quick-cpu", 3, "")
    assert (params.epochs_head, params.lr_head) == (None, None)


def test_a_recipe_that_is_none_is_said_and_leaves_the_form(
    qtbot, folder, bench, tmp_path
):
    label(folder, ONE, range(3, 11))
    dialog = shown(qtbot, bench)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"network": {"name": "unet"}, "bach": 2}')
    dialog.recipe.choose(str(wrong))
    assert "Did you mean 'batch'" in dialog.recipe.about.text()
    assert dialog.recipe.choice == ""
    assert dialog.params == SHOWN


def test_long_sentences_are_shown_whole_and_the_dialog_makes_room(
    qtbot, folder, bench, tmp_path
):
    label(folder, ONE, range(3, 11))
    dialog = shown(qtbot, bench)
    qtbot.waitUntil(dialog.start.isEnabled)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"network": {"name": "unet"}, "bach": 2}')
    dialog.recipe.choose(str(wrong))
    dialog.forecast.setText("Other programs keep it busy. " * 12)
    sentences = (dialog.facts, dialog.recipe.about, dialog.forecast)

    def all_lines_show():
        return all(s.height() >= s.heightForWidth(s.width()) > 0 for s in sentences)

    qtbot.waitUntil(all_lines_show)
    room = dialog.screen().availableGeometry()
    if room.height() > 900:
        bar = dialog.findChild(FormArea).verticalScrollBar()
        qtbot.waitUntil(lambda: bar.maximum() == 0)
    assert room.contains(dialog.geometry())


def test_every_network_that_there_is_can_be_chosen_for_a_recipe(
    qtbot, folder, bench, tmp_path
):
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.networks import CLASSIFIERS, NETWORKS

    add_weights(folder)
    label(folder, ONE, range(3, 11))
    dialog = shown(qtbot, bench)
    assert dialog.recipe.network.isHidden()
    for recipe, kind in (("quick-cpu", NETWORKS), ("mri-lesion", CLASSIFIERS)):
        dialog.recipe.choose(recipe)
        assert not dialog.recipe.network.isHidden()
        own = dialog.recipe.preset.spec.network
        box = dialog.recipe.network
        names = [box.itemData(n) or own.name for n in range(box.count())]
        assert sorted(names) == sorted(kind)
        assert own.name in box.itemText(0)
    dialog.recipe.choose("quick-cpu")
    box.setCurrentIndex(box.findData("segnet"))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: not bench.jobs.active)
    assert dialog._facts.network.name == "segnet"
    assert "GB free" in dialog.forecast.text()
    scheme = LabelScheme.from_names("x", ["One", "Two"])
    network = train_spec(dialog.params, scheme, None).network
    assert (network.name, network.n_classes) == ("segnet", 3)
    assert network.options == {"width": 0.1875}
    # Another recipe begins with its own network.
    dialog.recipe.choose("mandible-unet")
    assert dialog.recipe.settings == "encoder_weights=", "none are registered"
    assert dialog.recipe.preset.spec.network.name == "resnet_cbam_unet"


def test_public_weights_are_offered_where_they_are_registered(
    qtbot, tmp_path, monkeypatch
):
    from medlab_gui.gui.dialogs.recipe_choice import RecipeChoice
    from medlab_gui.learning import registered_weights

    choice = RecipeChoice(tmp_path)
    qtbot.addWidget(choice)
    choice.choose("mandible-unet")
    assert not choice.transfer.isEnabled()
    assert "not registered" in choice.transfer.text()
    assert choice.settings == "encoder_weights="
    there = [SimpleNamespace(name="resnet50")]
    monkeypatch.setattr(registered_weights, "registered_weights", lambda f: there)
    choice.choose("mri-lesion")
    assert choice.transfer.isChecked()
    assert choice.settings == ""
    choice.transfer.setChecked(False)
    assert choice.settings == "encoder_weights="
    choice.choose("quick-cpu")
    assert choice.transfer.isHidden()
    assert choice.settings == ""


def test_neighbouring_slices_are_a_choice(qtbot, tmp_path):
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.gui.dialogs.recipe_choice import RecipeChoice

    choice = RecipeChoice(tmp_path)
    qtbot.addWidget(choice)
    assert choice.neighbours.isHidden()
    choice.choose("quick-cpu")
    assert choice.settings == ""
    assert choice.preset.spec.network.in_channels == 1
    with qtbot.waitSignal(choice.network_chosen):
        choice.neighbours.setCurrentIndex(choice.neighbours.findData(3))
        choice.neighbours.activated.emit(choice.neighbours.currentIndex())
    assert choice.preset.spec.network.in_channels == 3
    scheme = LabelScheme.from_names("x", ["One"])
    params = TrainParams(preset=choice.choice, set=choice.settings)
    assert train_spec(params, scheme, None).network.in_channels == 3
    choice.choose("liver-fcn")
    assert choice.settings == ""


def test_folds_are_as_the_recipe_says_unless_switched_off(qtbot, tmp_path):
    from medlab_gui.gui.dialogs.recipe_choice import RecipeChoice

    choice = RecipeChoice(tmp_path)
    qtbot.addWidget(choice)
    assert choice.folds is None
    choice.choose("mri-lesion")
    assert not choice.cross_validate.isHidden()
    assert "5 folds" in choice.cross_validate.text()
    assert choice.folds == 5
    choice.cross_validate.setChecked(False)
    assert choice.folds == 0
    choice.choose("quick-cpu")
    assert choice.cross_validate.isHidden()
    assert choice.folds is None


def test_the_docks_preprocessing_and_the_epoch_are_chosen(qtbot, folder, bench):
    add_weights(folder)
    label(folder, ONE, range(3, 11))
    steps = {"steps": [{"name": "window", "params": {"level": 60.0, "width": 150.0}}]}
    bench.pipeline = PipelineSpec.from_dict(steps)
    dialog = shown(qtbot, bench)
    more = dialog.recipe.more
    assert dialog.params.set == ""
    assert more.steps.isHidden()
    for box, index in ((more.preprocessing, 1), (more.epoch, 2)):
        box.setFocus()
        for _n in range(index):
            qtbot.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() == index
    assert "60" in more.steps.text()
    with ProjectStore.open(folder) as store:
        scheme, parent = store.scheme(), store.checkpoints()[-1]
    spec = train_spec(dialog.params, scheme, parent)
    assert spec.pipeline == bench.pipeline
    assert spec.epoch_choice == "last"
    dialog.recipe.choose("quick-cpu")
    assert dialog.params.set == "", "another recipe is shown as it is"
    more.preprocessing.setCurrentIndex(1)
    spec = train_spec(dialog.params, scheme, None)
    assert (spec.pipeline, spec.epoch_choice) == (bench.pipeline, "set-aside")
