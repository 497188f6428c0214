from __future__ import annotations

import numpy as np
import pytest
import torch

from medlab_gui.core.errors import SpecError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.predict_spec import PredictSpec
from medlab_gui.core.specs import NetworkSpec, Resize
from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
from medlab_gui.learning.classifier import SliceClassifier
from medlab_gui.learning.dataset import ArraySource, ScanArrays, SliceKey
from medlab_gui.learning.slice_scores import evaluate_classifier, score_slices
from medlab_gui.networks import build_classifier
from tests.learning.conftest import WINDOW


def written(path, names=("Bright", "Dim"), channels=1, dropout=0.0, seed=0):
    """Weights of a tiny classifier whose answers differ from slice to slice."""
    torch.manual_seed(seed)
    options = {"width": 1 / 16, "dropout": dropout}
    spec = NetworkSpec("alexnet", channels, len(names) + 1, options)
    network = build_classifier(spec)
    with torch.no_grad():
        network.head[-1].weight.mul_(20)
        seen = torch.linspace(0, 1, 16)[:, None, None, None]
        usual = network(seen + 0.1 * torch.rand(16, channels, 72, 72)).mean(0)
        network.head[-1].bias.sub_(usual)
    meta = CheckpointMeta(
        network=spec,
        pipeline=WINDOW,
        inplane_mm=None,
        scheme=LabelScheme.from_names("Seen", list(names)),
        name="tiny",
        resize=Resize(72),
    )
    save_checkpoint(path, network.state_dict(), meta)
    return path, network.eval()


def scan(n=6, size=50, seed=3):
    rng = np.random.default_rng(seed)
    levels = rng.uniform(-100, 200, n)[:, None, None]
    return (levels + rng.normal(0, 60, (n, size, size))).astype(np.int16)


@pytest.mark.parametrize("names", [("Bright",), ("Bright", "Dim")])
def test_it_says_what_the_network_says(tmp_path, names):
    path, network = written(tmp_path / "c.safetensors", names)
    data = scan()
    classifier = SliceClassifier(path, "cpu")
    found = classifier.classify(data, (5, 1, 1))
    assert found.slices == tuple(range(6))
    assert found.probs.shape == (6, len(names) + 1)
    from medlab_gui.imaging.pipeline import fit_pipeline
    from medlab_gui.learning.prepare import prepare_image

    fitted = fit_pipeline(WINDOW, data)
    for k, one in enumerate(data):
        seen = torch.from_numpy(prepare_image(one, (1, 1), fitted, Resize(72)))
        with torch.no_grad():
            logits = network(seen[None, None])[0]
        expected = (
            torch.stack([1 - logits.sigmoid()[0], logits.sigmoid()[0]])
            if len(names) == 1
            else logits.softmax(0)
        )
        np.testing.assert_allclose(found.probs[k], expected.numpy(), atol=1e-5)
        p = expected.double().clamp(min=1e-12)
        doubt = float(-(p * p.log()).sum() / np.log(len(p)))
        assert found.entropy[k] == pytest.approx(doubt, abs=1e-4)
        assert found.labels[k] == int(expected.argmax())
    some = classifier.classify(data, (5, 1, 1), slices=[4, 1])
    np.testing.assert_allclose(some.probs, found.probs[[4, 1]], atol=1e-6)


def test_mirrored_slices_and_dropout_are_averaged(tmp_path):
    path, _ = written(tmp_path / "c.safetensors", dropout=0.5)
    classifier, data = SliceClassifier(path, "cpu"), scan(2)
    plain = classifier.classify(data, (5, 1, 1)).probs
    mirror = classifier.classify(data[..., ::-1].copy(), (5, 1, 1)).probs
    flips = PredictSpec(flips="left-right")
    both = classifier.classify(data, (5, 1, 1), spec=flips).probs
    np.testing.assert_allclose(both, (plain + mirror) / 2, atol=1e-5)
    drops = PredictSpec(dropout_passes=4, seed=1)
    first = classifier.classify(data, (5, 1, 1), spec=drops).probs
    assert np.array_equal(first, classifier.classify(data, (5, 1, 1), spec=drops).probs)
    assert np.abs(first - plain).max() > 1e-3
    assert np.array_equal(plain, classifier.classify(data, (5, 1, 1)).probs)


def test_what_only_masks_have_is_refused(tmp_path, checkpoint):
    path, _ = written(tmp_path / "c.safetensors")
    classifier = SliceClassifier(path, "cpu")
    for spec, said in (
        (PredictSpec(tile=64), "tiles mean nothing"),
        (PredictSpec(axes="all", crf=True), "sagittal slices and a CRF mean nothing"),
    ):
        with pytest.raises(SpecError, match=said):
            classifier.classify(scan(1), (5, 1, 1), spec=spec)
    with pytest.raises(SpecError, match="'unet' of 'Discs' draws masks"):
        SliceClassifier(checkpoint, "cpu")


def test_neighbours_are_seen_as_in_training(tmp_path):
    path, _ = written(tmp_path / "c.safetensors", channels=3)
    data = scan(4)
    labels = np.zeros(data.shape, np.uint8)
    source = ArraySource({"s": ScanArrays(data, labels, (5.0, 1.0, 1.0), "p")})
    classifier = SliceClassifier(path, "cpu")
    direct = classifier.classify(data, (5, 1, 1)).probs
    judged = score_slices(classifier, source)
    for k in range(4):
        own = judged[SliceKey("s", k)].probs
        np.testing.assert_allclose(own, direct[k], atol=1e-5)


def test_how_right_it_is_as_scikit_learn_has_it(tmp_path):
    from sklearn import metrics

    path, _ = written(tmp_path / "c.safetensors", seed=2)
    data = scan(40, seed=7)
    labels = np.zeros(data.shape, np.uint8)
    truth = np.random.default_rng(1).integers(0, 3, 40)
    for k, value in enumerate(truth):
        labels[k, 10:20, 10:20] = value
    labels[5] = 255  # nobody knows
    source = ArraySource({"s": ScanArrays(data, labels, (5.0, 1.0, 1.0), "p")})
    found = evaluate_classifier(path, source, "cpu")
    probs = SliceClassifier(path, "cpu").classify(data, (5, 1, 1)).probs
    keep = np.arange(40) != 5
    t, p = truth[keep], probs[keep]
    said = p.argmax(axis=1)
    assert found["n_slices"] == 39
    assert len(set(said.tolist())) > 1
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(t, said))
    balanced = metrics.balanced_accuracy_score(t, said)
    assert found["balanced_accuracy"] == pytest.approx(balanced)
    for value, name in ((1, "Bright"), (2, "Dim")):
        one, mine = t == value, said == value
        assert found["dice"][name] == pytest.approx(metrics.f1_score(one, mine))
        assert found["auc"][name] == pytest.approx(
            metrics.roc_auc_score(one, p[:, value])
        )
        recall = metrics.recall_score(one, mine)
        assert found["recall"][name] == pytest.approx(recall)
    assert found["mean_dice"] == pytest.approx(np.mean(list(found["dice"].values())))
    assert (
        sum(next(iter(r["dice"].values())) for r in found["per_slice"])
        == (said == t).sum()
    )
