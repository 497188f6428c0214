import threading

import numpy as np
import pytest

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.jobs import Cancelled, JobContext
from medlab_gui.core.specs import LIVER_PIPELINE, PipelineSpec, Step
from medlab_gui.imaging import STEPS, equalize, run_pipeline, total_variation, window


def scan(shape=(6, 40, 50)):
    rng = np.random.default_rng(0)
    return rng.normal(40, 150, shape).astype(np.int16)


def spec(*steps):
    return PipelineSpec(tuple(steps))


def test_steps_are_applied_in_order():
    data = scan()[0]
    expected = window(data, level=40, width=400)
    expected = total_variation(equalize(expected, bins=256), weight=0.1)
    assert np.array_equal(run_pipeline(LIVER_PIPELINE, data), expected)


@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1)])
def test_a_slice_alone_has_the_bits_that_it_has_in_the_volume(turn):
    """Also where the volume is a turned and flipped view, as after reorientation."""
    volume = scan().transpose(turn)[::-1, :, ::-1]
    whole = run_pipeline(LIVER_PIPELINE, volume)
    for k in range(volume.shape[0]):
        assert np.array_equal(whole[k], run_pipeline(LIVER_PIPELINE, volume[k]))
        alone = np.ascontiguousarray(volume[k])
        assert np.array_equal(whole[k], run_pipeline(LIVER_PIPELINE, alone))


def test_result_and_input():
    data = scan()
    before = data.copy()
    out = run_pipeline(spec(), data)
    assert out.dtype == np.float32
    assert np.array_equal(out, data)
    run_pipeline(LIVER_PIPELINE, data)
    assert np.array_equal(data, before)


def test_a_step_that_is_off_does_nothing_but_is_checked():
    data = scan()
    off = Step("tv", {"weight": 0.2}, enabled=False)
    assert np.array_equal(run_pipeline(spec(off), data), data)
    with pytest.raises(SpecError, match="does not know strength"):
        run_pipeline(spec(Step("tv", {"strength": 1}, enabled=False)), data)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("windw"), "Did you mean 'window'"),
        (Step("window", {"centre": 3}), "it knows level, width"),
        (Step("window", {"width": 0}), "from 1 to 4000"),
        (Step("tv", {"weight": 2}), "from 0 to 1"),
        (Step("tv", {"weight": float("nan")}), "found nan"),
        (Step("equalize", {"bins": 2.5}), "a whole number"),
        (Step("equalize", {"bins": "many"}), "found 'many'"),
        (Step("equalize", {"bins": True}), "found True"),
    ],
)
def test_refusals(step, said):
    with pytest.raises(SpecError, match=said):
        run_pipeline(spec(step), scan())


def test_wrong_shape():
    with pytest.raises(InputError, match="4 axes"):
        run_pipeline(LIVER_PIPELINE, np.zeros((2, 2, 2, 2)))


def test_steps_describe_themselves():
    assert list(STEPS)[:3] == ["window", "equalize", "tv"]
    assert set(STEPS) == {
        *("window", "equalize", "tv", "clahe", "gamma", "percentile", "median"),
        *("gaussian", "n4", "zscore"),
    }
    for name in STEPS:
        info = STEPS[name]
        assert info.name == name
        assert info.title
        assert info.summary.endswith(".")
        for param in info.params:
            assert param.minimum <= param.default <= param.maximum
            assert 0 < param.step <= param.maximum - param.minimum
        defaults = {p.name: p.default for p in info.params}
        data = np.abs(scan()[0]) + 1
        step = Step(name, defaults)
        assert np.array_equal(
            run_pipeline(spec(step), data), run_pipeline(spec(Step(name)), data)
        )


def test_progress_and_cancelling():
    seen = []
    context = JobContext(seen.append)
    data = scan((20, 64, 64))
    run_pipeline(LIVER_PIPELINE, data, progress=context.progress)
    assert [(p.done, p.total) for p in seen] == [(n, 20) for n in range(1, 21)]

    def stop(progress):
        if progress.done == 3:
            context.cancel()

    context = JobContext(stop)
    with pytest.raises(Cancelled):
        run_pipeline(LIVER_PIPELINE, data, progress=context.progress)
    names = [t.name for t in threading.enumerate()]
    assert not [n for n in names if n.startswith("medlab-slices")]
