from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step
from medlab_gui.core.training import LossTerm, Phase
from medlab_gui.learning.check import check_recipe, check_sides, check_slices
from medlab_gui.learning.dataset import ArraySource, Subset
from tests.learning.conftest import (
    SCHEME,
    disc_scan,
    disc_source,
    judge_source,
    train_spec,
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": NetworkSpec("unett", 1, 3)}, "mean 'unet'"),
        ({"network": NetworkSpec("unet", 1, 3, {"wdth": 1})}, "width"),
        ({"network": NetworkSpec("unet", 1, 3, {"width": -1})}, "found -1"),
        (
            {"network": NetworkSpec("unet", 1, 2)},
            "2 classes but the scheme",
        ),
        ({"pipeline": PipelineSpec((Step("windw"),))}, "mean 'window'"),
        ({"loss": "dicee"}, "mean 'dice'"),
        ({"loss": (LossTerm("focal", 1, {"g": 1}),)}, "no option 'g'"),
        ({"augment_options": {"nois": 1}}, "mean 'noise'"),
        ({"phases": (Phase("a", 1, 1e-3, ("encodr",)),)}, "no module 'encodr'"),
        ({"phases": (Phase("a", 0, 1e-3),)}, "no epochs"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(changes, said):
    with pytest.raises(SpecError, match=said):
        check_recipe(train_spec(**changes), SCHEME)


def test_both_sides_must_be_there_and_apart():
    learn, judge = disc_source(4), judge_source(2)
    assert check_sides(learn, judge, same_patient=False) == ""
    with pytest.raises(InputError, match="to learn from"):
        check_sides(Subset(learn, []), judge, same_patient=True)
    with pytest.raises(InputError, match="to judge from"):
        check_sides(learn, Subset(judge, []), same_patient=True)
    with pytest.raises(InputError, match=r"1 slice is on both .*slice 2 of s"):
        check_sides(learn, Subset(learn, learn.keys[1:2]), same_patient=True)


def test_a_patient_on_both_sides_is_refused_or_told():
    scans = {n: disc_scan(3, seed=k, group="ann") for k, n in enumerate("ab")}
    source = ArraySource(scans)
    sides = Subset(source, source.keys[:3]), Subset(source, source.keys[3:])
    with pytest.raises(InputError, match=r"1 patient has slices on both .*\(ann\)"):
        check_sides(*sides, same_patient=False)
    assert "flatter" in check_sides(*sides, same_patient=True)


def test_a_mask_outside_the_scheme_is_named_with_its_slice():
    scan = disc_scan(3)
    scan.labels[2, 0, 0] = 7
    with pytest.raises(InputError, match=r"slice 3 of s holds .*\[7\].*1 Big, 2 Small"):
        check_slices(ArraySource({"s": scan}), SCHEME)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "only background"), (1, "only Big"), (255, "nothing but ignored")],
)
def test_one_class_only_is_nothing_to_learn(value, said):
    scan = disc_scan(3)
    scan.labels[:] = value
    with pytest.raises(InputError, match=f"3 labelled slices show {said}"):
        check_slices(ArraySource({"s": scan}), SCHEME)


def test_a_class_that_is_never_shown_is_told():
    scan = disc_scan(3)
    scan.labels[scan.labels == 2] = 0
    assert check_slices(ArraySource({"s": scan}), SCHEME) == (
        "No slice to learn from shows Small."
    )
    assert check_slices(disc_source(3), SCHEME) == ""


def test_ignored_voxels_are_not_a_class():
    scan = disc_scan(3)
    scan.labels[scan.labels == 2] = 255
    one = LabelScheme.from_names("One", ["Big"])
    assert check_slices(ArraySource({"s": scan}), one) == ""
    assert 255 in np.unique(scan.labels)


def test_slices_that_all_show_one_class_teach_a_classifier_nothing():
    """Their masks hold background as well, which no slice as a whole shows."""
    source = disc_source(4)
    assert check_slices(source, SCHEME) == ""
    with pytest.raises(InputError, match=r"All 4 labelled slices .* show Big, so"):
        check_slices(source, SCHEME, by_class=True)
