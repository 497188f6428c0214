from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from medlab_gui.learning.verdict import judged


@pytest.mark.parametrize("shape", [(2, 7, 5), (3, 300, 200), (9, 130, 512), (4, 1, 9)])
def test_class_and_entropy_are_the_definitions(shape):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=shape) * 3
    probs = np.exp(logits) / np.exp(logits).sum(axis=0)
    labels, unsure = judged(torch.from_numpy(probs.astype(np.float32)))
    assert labels.dtype == np.uint8
    assert unsure.dtype == np.float16
    np.testing.assert_array_equal(labels, probs.astype(np.float32).argmax(axis=0))
    expected = -(probs * np.log(probs)).sum(axis=0) / np.log(shape[0])
    np.testing.assert_allclose(unsure, expected, atol=1.5e-3)
    steps = unsure.astype(np.float64) * 500
    np.testing.assert_allclose(steps, np.rint(steps), atol=0.25)


def test_the_first_of_equals():
    probs = torch.full((4, 2, 2), 0.25)
    labels, unsure = judged(probs)
    assert (labels == 0).all()
    assert (unsure == 1).all()


def test_the_last_of_many_classes_is_found():
    """Labels are made by numbers up to 255: none may run over."""
    probs = torch.rand(200, 5, 40, generator=torch.Generator().manual_seed(0))
    labels, _ = judged(probs / probs.sum(0))
    np.testing.assert_array_equal(labels, probs.argmax(0))
    assert labels.max() > 127


def test_what_is_no_number_stays_none():
    probs = torch.full((2, 3, 3), 0.5)
    probs[:, 1, 1] = float("nan")
    assert np.isnan(judged(probs)[1][1, 1])
    assert np.isfinite(judged(probs)[1]).sum() == 8


_ALONE = """
import os
import numpy as np, torch
from medlab_gui.learning.verdict import judged
torch.set_num_threads(4)
probs = np.random.default_rng(0).dirichlet((1, 1, 1), (512, 512))
probs = torch.from_numpy(np.ascontiguousarray(np.moveaxis(probs, -1, 0), np.float32))
before = len(os.listdir("/proc/self/task"))
judged(probs)
after = len(os.listdir("/proc/self/task"))
torch.ones(1_000_000).log()
print(after - before, len(os.listdir("/proc/self/task")) - after)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc lists a process's threads")
def test_judging_starts_no_threads():
    """Waiting for others costs more than the work, most of all on a busy machine."""
    done = subprocess.run(
        [sys.executable, "-c", _ALONE],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")},
    )
    ours, torchs = map(int, done.stdout.split())
    assert ours == 0
    assert torchs > 0, "torch's own would have started some"
