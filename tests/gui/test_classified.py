"""What a classifier says is told in the window, and leaves masks alone."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from medlab_gui.commands.adopt import AdoptParams
from medlab_gui.commands.adopt import run as adopt
from medlab_gui.commands.command import Context
from medlab_gui.core.errors import InputError
from medlab_gui.gui.launching import follow_up
from medlab_gui.review.classified import latest_classified
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import open_series, wait_for
from tests.gui.hand import SHIFT
from tests.projects import tiny_weights

pytestmark = pytest.mark.gui

NAMES = ("none", "Liver", "Spleen")


def tell(window, probs, checkpoint="alexnet 5"):
    """Keep a classifier's word on the open series, as the verb does."""
    bench = window.bench
    with ProjectStore.open(bench.project_place) as store:
        kept = store.add_classification(
            bench.session.series_uid, checkpoint, NAMES, probs
        )
    follow_up(bench, "predict", {"notes": [], "classification": kept.id})
    wait_for(lambda: not bench.jobs.active)
    return kept


def word(window):
    return window.docks["labels"].widget().widget().classified


def test_class_and_probability_of_the_slice_are_told(window):
    session = window.bench.session
    assert word(window).isHidden(), "nothing was asked yet"
    n = session.mask.shape[0]
    probs = np.tile(np.array([0.05, 0.9, 0.05], np.float32), (n, 1))
    probs[3] = (0.25, 0.25, 0.5)
    tell(window, probs)
    session.k = 2
    assert "Liver 90 %" in word(window).text()
    assert "alexnet 5" in word(window).text()
    assert "nothing about where" in word(window).toolTip()
    session.k = 3
    assert "Spleen 50 %, uncertainty 0.95" in word(window).text()
    open_series(window, session.series_uid)
    window.bench.session.k = 2
    assert "Liver 90 %" in word(window).text(), "it is there again after opening"


def test_masks_and_their_tools_are_left_alone(window):
    session = window.bench.session
    shown = window.bench.view.prediction_visible
    n = session.mask.shape[0]
    tell(window, np.full((n, 3), 1 / 3, np.float32))
    dock = window.docks["labels"].widget().widget()
    assert session.prediction is None
    assert not dock.take_slice.isEnabled()
    assert not dock.take_all.isEnabled()
    assert window.bench.view.prediction_visible == shown
    with pytest.raises(InputError, match="no prediction"):
        session.accept_prediction()
    labels = np.ones(session.mask.shape, np.uint8)
    session.set_prediction(labels, labels.astype(np.float16), "p")
    assert dock.take_slice.isEnabled(), "a mask can be taken beside it"
    assert not word(window).isHidden()


def test_words_of_another_series_are_refused(window):
    bench = window.bench
    n = bench.session.mask.shape[0]
    tell(window, np.full((n, 3), 1 / 3, np.float32))
    with ProjectStore.open(bench.project_place) as store:
        said = latest_classified(store, bench.session.series_uid)
    assert said.entropy(0) == pytest.approx(1, abs=1e-6)
    from dataclasses import replace

    with pytest.raises(InputError, match="slices"):
        bench.session.set_classified(replace(said, probs=said.probs[:-1]))


def test_accepting_labels_the_slice_as_the_classifier_in_use_says(window, tmp_path):
    """It was labelled as showing nothing, whatever the queue said."""
    bench, session = window.bench, window.bench.session
    file = tiny_weights(tmp_path / "alex.safetensors", network="alexnet")
    used = adopt(AdoptParams(str(file)), Context(bench.project_place))["checkpoint"]
    n = session.mask.shape[0]
    probs = np.tile(np.array([0.1, 0.1, 0.8], np.float32), (n, 1))
    probs[5] = (0.8, 0.1, 0.1)
    tell(window, probs, used)
    tell(window, np.tile(np.array([0.1, 0.8, 0.1], np.float32), (n, 1)))
    session.k = 4
    assert "Liver 80 %" in word(window).text()
    bench.accept_and_next()
    wait_for(lambda: not bench.jobs.active)
    assert not session.confirmed[4], "what nobody saw is not accepted"
    assert "Spleen 80 %" in word(window).text()
    for k, value in ((4, 2), (5, 0)):
        session.k = k
        bench.accept_and_next()
        wait_for(lambda k=k: session.confirmed[k] and not bench.jobs.active)
        assert np.unique(session.mask[k]).tolist() == [value]
    with ProjectStore.open(bench.project_place) as store:
        kept = store.latest_annotation(session.series_uid)
        assert {4, 5} <= set(kept.confirmed)
        mask = store.annotation_mask(kept)
    assert np.unique(mask[4]).tolist() == [2]
    assert not mask[5].any()


def labels_dock(window):
    return window.docks["labels"].widget().widget()


def accepted(window, k):
    """Wait until a slice is accepted, and return the mask that the project has."""
    bench = window.bench
    wait_for(lambda: bench.session.confirmed[k] and not bench.jobs.active)
    with ProjectStore.open(bench.project_place) as store:
        kept = store.latest_annotation(bench.session.series_uid)
        assert k in kept.confirmed
        return store.annotation_mask(kept)[k]


def test_a_person_says_what_a_slice_shows(window, hand, qtbot):
    """By the button, its menu and the key; no stroke is needed."""
    bench, session = window.bench, window.bench.session
    dock = labels_dock(window)
    assert not dock.whole.isVisibleTo(dock), "masks are drawn: not in the way"
    free = [k for k in range(len(session.mask)) if not session.is_touched(k)]
    one, two, three = (k for k in free[:3])
    session.k = one
    dock.classes.setCurrentRow(1)
    qtbot.mouseClick(dock.whole, Qt.MouseButton.LeftButton)
    assert np.unique(accepted(window, one)).tolist() == [2]
    assert np.unique(session.mask[one]).tolist() == [2], "it is seen, too"
    session.k = two
    dock.whole.fill()
    offered = {act.text(): act for act in dock.whole.menu().actions()}
    assert list(offered) == [c.name for c in session.scheme.classes] + ["None of them"]
    offered["Liver"].trigger()
    assert np.unique(accepted(window, two)).tolist() == [1]
    session.k = three
    bench.view.value = 2
    hand.key("W", SHIFT)
    assert np.unique(accepted(window, three)).tolist() == [2]
    # It is an edit like any other.
    session.k = three
    bench.undo()
    assert not session.mask[three].any()


def test_none_of_them_is_not_what_the_model_says(window, tmp_path):
    bench, session = window.bench, window.bench.session
    file = tiny_weights(tmp_path / "alex.safetensors", network="alexnet")
    used = adopt(AdoptParams(str(file)), Context(bench.project_place))["checkpoint"]
    n = session.mask.shape[0]
    tell(window, np.tile(np.array([0.1, 0.1, 0.8], np.float32), (n, 1)), used)
    k = next(k for k in range(n) if not session.is_touched(k))
    session.k = k
    dock = labels_dock(window)
    assert dock.whole.isVisibleTo(dock)
    dock.whole.fill()
    dock.whole.menu().actions()[-1].trigger()
    assert not accepted(window, k).any()


def test_what_is_drawn_is_not_covered(window):
    session = window.bench.session
    k = next(k for k in range(len(session.mask)) if not session.is_touched(k))
    session.k = k
    session.apply("stroke", (slice(k, k + 1), slice(2, 6), slice(2, 6)),
                  np.ones((1, 4, 4), np.uint8))  # fmt: skip
    drawn = session.mask[k].copy()
    labels_dock(window).whole.click()
    wait_for(lambda: bool(window.notifier.dialogs))
    assert "is drawn on slice" in window.notifier.dialogs[-1].text()
    assert np.array_equal(session.mask[k], drawn)
    assert not session.confirmed[k]


def test_locked_slices_are_not_labelled(window):
    session = window.bench.session
    session.locked = frozenset({3})
    session.k = 3
    assert not labels_dock(window).whole.isEnabled()
    session.k = 4
    assert labels_dock(window).whole.isEnabled()
