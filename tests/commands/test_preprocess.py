from __future__ import annotations

import json

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.preprocess import PREPROCESS, PreprocessParams, run
from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.presets import save_preset
from medlab_gui.core.specs import PipelineSpec, Step
from medlab_gui.imaging import run_pipeline, window
from medlab_gui.io import read_one, write_image
from tests.synthetic import oblique_grid, phantom_values, plain_grid, write_series


@pytest.fixture
def scan(tmp_path):
    grid = oblique_grid()
    return write_image(tmp_path / "scan.nii", phantom_values(grid), grid)


def test_without_steps_the_values_and_the_grid_come_back(scan, tmp_path):
    out = tmp_path / "out.nrrd"
    told = run(
        PreprocessParams(str(scan), str(out), off="window,equalize, tv"), Context()
    )
    _, before = read_one(scan)
    _, after = read_one(out)
    assert after.grid.same_as(before.grid, 0.01)
    assert np.array_equal(after.data, before.data)
    assert told["range"] == [before.data.min(), before.data.max()]
    assert "no step" in PREPROCESS.text(told)


def test_the_chain_of_the_project_of_a_file_and_written_out(scan, tmp_path):
    only_window = PipelineSpec((Step("window", {"level": 0.0, "width": 100.0}),))
    file = tmp_path / "chain.json"
    file.write_text(json.dumps(only_window.to_dict()), encoding="utf-8")
    ctx = Context(str(tmp_path / "project"))
    with ctx.store(create=True) as store:
        store.set_pipeline(only_window)
    _, before = read_one(scan)
    for pipeline in (str(file), json.dumps(only_window.to_dict()), "project"):
        out = tmp_path / "out.nii.gz"
        told = run(PreprocessParams(str(scan), str(out), pipeline), ctx)
        _, after = read_one(out)
        expected = window(before.data, level=0.0, width=100.0)
        assert np.allclose(after.data, expected, atol=1e-6)
        assert told["range"] == [0.0, 1.0]


def test_a_preset_gives_the_bits_of_the_window(scan, tmp_path):
    chain = PipelineSpec(
        (
            Step("window", {"level": 20.0, "width": 300.0}),
            Step("median", {"radius": 1}),
            Step("equalize"),
            Step("tv", {"weight": 0.05}),
        )
    )
    save_preset("Mine", chain)
    out = tmp_path / "out.nrrd"
    run(PreprocessParams(str(scan), str(out), preset="Mine"), Context())
    _, native = read_one(scan)
    how = native.grid.canonical()
    working = native.reoriented(how).data
    _, after = read_one(out)
    shown = np.stack([run_pipeline(chain, plane) for plane in working])
    assert np.array_equal(after.data, how.restore(shown))
    with pytest.raises(InputError, match="not both"):
        run(PreprocessParams(str(scan), str(out), "project", "Mine"), Context())


def test_filling_values_count_as_air_on_the_command_line_and_in_the_window(tmp_path):
    """PixelPaddingValue -2000 (stored -976) in the rows outside the field of view."""
    from medlab_gui.gui.preview import SliceRunner

    grid = plain_grid()
    data = phantom_values(grid)
    data[:, :4] = -2000
    data[:, 4:6] = -1000

    def signed(ds, _k):
        ds.PixelRepresentation = 1
        ds.add_new("PixelPaddingValue", "SS", -976)

    write_series(tmp_path / "scan", grid, data, edit=signed)
    chain = PipelineSpec((Step("equalize"), Step("clahe")))
    save_preset("Equal", chain)
    out = tmp_path / "out.nrrd"
    run(PreprocessParams(str(tmp_path / "scan"), str(out), preset="Equal"), Context())
    found, native = read_one(tmp_path / "scan")
    assert found.display.padding == (-2000, -2000)
    assert native.data.min() == -2000, "reading changes no value"
    how = native.grid.canonical()
    working = native.reoriented(how).data
    aired = np.where(working == -2000, working[working > -2000].min(), working)
    _, after = read_one(out)
    assert np.array_equal(after.data, how.restore(run_pipeline(chain, aired)))
    runner = SliceRunner(working, found.display.padding)
    shown = np.stack([runner.run(chain, k) for k in range(len(working))])
    assert np.array_equal(after.data, how.restore(shown))


def test_without_a_step_nothing_is_done_to_the_scan(tmp_path):
    """Filling values stay too, on the command line and in the window."""
    from medlab_gui.gui.preview import SliceRunner
    from medlab_gui.gui.processed_volume import ProcessedVolume

    grid = plain_grid()
    data = phantom_values(grid)
    data[:, :4] = -2000

    def signed(ds, _k):
        ds.PixelRepresentation = 1
        ds.add_new("PixelPaddingValue", "SS", -976)

    write_series(tmp_path / "scan", grid, data, edit=signed)
    out = tmp_path / "out.nrrd"
    off = "window,equalize,tv"
    run(PreprocessParams(str(tmp_path / "scan"), str(out), off=off), Context())
    _, native = read_one(tmp_path / "scan")
    _, after = read_one(out)
    assert np.array_equal(after.data, native.data)
    padding, none = (-2000.0, -2000.0), PipelineSpec()
    runner = SliceRunner(native.data, padding)
    whole = ProcessedVolume("u", none, native.data, padding)
    whole.fill(0, lambda *_a, **_k: None)
    for k in range(len(native.data)):
        assert np.array_equal(runner.run(none, k), native.data[k])
        assert np.array_equal(whole.slice(k), native.data[k])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"off": "blur"}, SpecError, "no step blur"),
        ({"preset": "Yours"}, InputError, "no recipe 'Yours'; there are Liver paper"),
        ({"pipeline": "gone.json"}, InputError, "gone.json"),
        ({"pipeline": '{"steps"'}, SpecError, "not JSON"),
        ({"pipeline": "bad.json"}, SpecError, "sharpen"),
        ({"pipeline": "wide.json"}, SpecError, "width"),
        ({"output": "x.png"}, InputError, "must end in"),
        ({"output": "scan.nii"}, InputError, "file that is read"),
        ({"input": "gone.nii"}, InputError, "does not exist"),
    ],
)
def test_what_is_wrong_is_said_first(scan, tmp_path, monkeypatch, change, error, said):
    monkeypatch.chdir(tmp_path)
    for name, step in (
        ("bad", Step("sharpen")),
        ("wide", Step("window", {"width": -5.0})),
    ):
        content = json.dumps(PipelineSpec((step,)).to_dict())
        (tmp_path / f"{name}.json").write_text(content, encoding="utf-8")
    before = scan.read_bytes()
    given = {"input": "scan.nii", "output": "out.nii", **change}
    with pytest.raises(error, match=said):
        run(PreprocessParams(**given), Context())
    assert scan.read_bytes() == before
    assert not (tmp_path / "out.nii").exists()


def test_what_a_step_cannot_do_is_said(scan, tmp_path):
    gamma = PipelineSpec((Step("gamma", {"gamma": 0.5}),))
    ask = PreprocessParams(
        str(scan), str(tmp_path / "out.nii"), json.dumps(gamma.to_dict())
    )
    told = run(ask, Context())
    assert told["range"] == [0.0, 1.0]
    assert "all below 0 becomes black" in PREPROCESS.text(told)
