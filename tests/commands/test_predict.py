from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.predict import PREDICT, PredictParams, run
from medlab_gui.core.errors import (
    CheckpointError,
    DamagedFileError,
    InputError,
    MedlabError,
    ProjectMissingError,
    SpecError,
    StorageFullError,
)
from medlab_gui.core.geometry import Grid
from medlab_gui.core.jobs import Cancelled, JobContext
from medlab_gui.io import read_mask, write_image
from tests.projects import tiny_weights
from tests.synthetic import cut_short, oriented_grids, plain_grid, write_series

_ON_WINDOWS = sys.platform == "win32"


def test_a_path_needs_no_project(small_project, lively, tmp_path, isolated):
    out, doubt = tmp_path / "m.nrrd", tmp_path / "e.nii.gz"
    told = run(
        PredictParams(
            str(small_project.image),
            checkpoint=lively,
            output=str(out),
            entropy=str(doubt),
        ),
        Context(device="cpu"),
    )
    assert told["prediction"] is None
    assert told["series_uid"] is None
    assert told["device"] == "cpu"
    assert told["n_slices"] == 24
    assert told["seconds_per_slice"] > 0
    assert not (isolated / "project").exists()
    mask, grid = read_mask(out)
    assert grid.spacing == pytest.approx((4.0, 2.0, 2.0))
    counts = np.bincount(mask.ravel(), minlength=3)
    assert (counts > 0).sum() > 1
    for one in told["classes"]:
        assert one["n_voxels"] == counts[one["value"]]
        assert one["volume_ml"] == pytest.approx(counts[one["value"]] * 16 / 1000)
    assert str(out) in PREDICT.text(told)
    assert str(doubt) in PREDICT.text(told)


def test_results_lie_on_the_grid_of_the_file_whatever_its_axes(lively, tmp_path):
    """The same patient stored in many orders of the axes gets the same answer."""
    import SimpleITK as sitk

    answers: dict[tuple[float, ...], list[np.ndarray]] = {}
    for small in oriented_grids()[::3]:
        grid = Grid((20, 20, 20), small.affine)
        mm = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
        low = mm.reshape(-1, 3).min(axis=0)
        scan = (((mm - low) @ [1.0, 3.0, 7.0]) % 300 - 100).astype(np.int16)
        image, out = tmp_path / "scan.nii.gz", tmp_path / "mask.nii.gz"
        doubt = tmp_path / "doubt.nrrd"
        write_image(image, scan, grid)
        params = PredictParams(
            str(image), checkpoint=lively, output=str(out), entropy=str(doubt)
        )
        run(params, Context(device="cpu"))
        source = sitk.ReadImage(str(image))
        for made in (sitk.ReadImage(str(out)), sitk.ReadImage(str(doubt))):
            assert made.GetSize() == source.GetSize()
            assert np.allclose(made.GetOrigin(), source.GetOrigin(), atol=1e-3)
            assert np.allclose(made.GetDirection(), source.GetDirection(), atol=1e-6)
            assert np.allclose(made.GetSpacing(), source.GetSpacing())
        unsure = sitk.GetArrayFromImage(sitk.ReadImage(str(doubt)))
        how = grid.canonical()
        answers.setdefault(how.grid.spacing, []).append(how.apply(unsure))
    assert max(len(same) for same in answers.values()) > 1
    for first, *others in answers.values():
        assert first.std() > 0.001, "something that can be mixed up"
        for other in others:
            assert np.array_equal(first, other)


def test_a_single_slice_and_huge_values(small_project, tmp_path):
    data = np.full((1, 40, 48), 30000, np.int32)
    data[0, 10:20, 10:20] = -2_000_000_000
    image, out = tmp_path / "one.nii", tmp_path / "m.nii"
    write_image(image, data, Grid.from_spacing((1, 40, 48), (5.0, 1.0, 1.0)))
    params = PredictParams(
        str(image), checkpoint=str(small_project.weights), output=str(out)
    )
    told = run(params, Context(device="cpu"))
    assert told["n_slices"] == 1
    assert [p["code"] for p in told["problems"]]
    assert "1 slice," in PREDICT.text(told)
    assert read_mask(out)[0].shape == (1, 40, 48)


def test_a_series_of_the_project_keeps_its_prediction(small_project):
    told = run(PredictParams(small_project.series_uid), small_project.ctx)
    assert told["output"] is None
    with small_project.ctx.store() as store:
        stored = store.latest_prediction(small_project.series_uid)
        assert stored.id == told["prediction"]
        assert stored.checkpoint_id == store.current_checkpoint().id
        assert store.array(stored.labels_blob).shape == (24, 64, 64)
    assert "in the project" in PREDICT.text(told)


def test_a_file_of_weights_becomes_a_checkpoint_of_the_project(small_project, tmp_path):
    import torch

    from medlab_gui.learning.checkpoint import load_checkpoint, save_checkpoint

    meta, state = load_checkpoint(small_project.weights)
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, {k: torch.zeros_like(v) for k, v in state.items()}, meta)
    told = run(
        PredictParams(small_project.series_uid, checkpoint=str(other)),
        small_project.ctx,
    )
    with small_project.ctx.store() as store:
        assert told["checkpoint"] in {c.id for c in store.checkpoints()}
        assert store.current_checkpoint().id != told["checkpoint"], "not in use by that"


def test_weights_with_other_classes_do_not_enter_a_project(small_project, tmp_path):
    other = tiny_weights(tmp_path / "lungs.safetensors", ("Lung", "Heart"))
    with pytest.raises(CheckpointError, match=r"Lung, Heart.*Liver, Spleen"):
        run(
            PredictParams(small_project.series_uid, checkpoint=str(other)),
            small_project.ctx,
        )
    with small_project.ctx.store() as store:
        assert len(store.checkpoints()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"output": ""}, "--output"),
        ({"output": "m.jpeg"}, "must end in"),
        ({"entropy": "e.txt"}, "must end in"),
        ({"output": "gone/m.nii"}, "does not exist"),
        ({"entropy": "m.nii"}, "two results"),
        ({"output": "ball.nii.gz"}, "file that is read"),
        ({"entropy": "ball.nii.gz"}, "file that is read"),
        ({"checkpoint": "none.safetensors"}, "no weights"),
        ({"checkpoint": "ball.nii.gz"}, "ball.nii.gz"),
        ({"input": "gone.nii"}, "does not exist"),
        ({"input": "1.2.3"}, "neither a path nor a series"),
        ({"series": "1.2.3"}, "no series 1.2.3"),
        (
            {"input": "~nobody-at-all/x.nii"},
            "does not exist" if _ON_WINDOWS else "home",
        ),
        (
            {"input": "x" * 5000},
            "neither a path" if _ON_WINDOWS else "cannot be opened",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_computed(
    small_project, tmp_path, monkeypatch, change, said
):
    from medlab_gui.learning.predict import Predictor

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Predictor, "predict", None)
    before = small_project.image.read_bytes()
    given = {
        "input": "ball.nii.gz",
        "checkpoint": "tiny.safetensors",
        "output": "m.nii",
        **change,
    }
    with pytest.raises(InputError, match=said):
        run(PredictParams(**given), small_project.ctx)
    assert small_project.image.read_bytes() == before
    assert not (tmp_path / "m.nii").exists()


def test_an_unknown_project_is_not_made(tmp_path):
    with pytest.raises(ProjectMissingError):
        run(PredictParams("1.2.3"), Context(str(tmp_path / "gone")))
    assert not (tmp_path / "gone").exists()


def test_two_series_in_a_folder_are_listed(small_project, tmp_path):
    folder = tmp_path / "both"
    write_series(folder / "a", plain_grid(), series_uid="1.2.3.4")
    write_series(folder / "b", plain_grid(), series_uid="1.2.3.5")
    params = PredictParams(
        str(folder),
        checkpoint=str(small_project.weights),
        output=str(tmp_path / "m.nii"),
    )
    with pytest.raises(InputError, match=r"1\.2\.3\.4.*1\.2\.3\.5"):
        run(params, Context())
    chosen = PredictParams(
        str(folder),
        checkpoint=str(small_project.weights),
        output=str(tmp_path / "m.nii"),
        series="1.2.3.5",
    )
    assert run(chosen, Context(device="cpu"))["n_slices"] == 12


def test_a_dicom_file_is_not_written_over(small_project, tmp_path):
    """Also where it is only one of the files of the folder that is read."""
    files = write_series(tmp_path / "scan", plain_grid())
    renamed = files[3].rename(files[3].with_name("slice.nii"))
    before = renamed.read_bytes()
    params = PredictParams(
        str(tmp_path / "scan"),
        checkpoint=str(small_project.weights),
        output=str(renamed),
    )
    with pytest.raises(InputError, match="file that is read"):
        run(params, Context())
    assert renamed.read_bytes() == before


def test_damaged_input_leaves_nothing(small_project, tmp_path, written):
    files = write_series(tmp_path / "project" / "scan", plain_grid())
    cut_short(files[5], 300)
    params = PredictParams(
        str(files[0].parent),
        checkpoint=str(small_project.weights),
        output=str(tmp_path / "m.nii"),
    )
    with pytest.raises(DamagedFileError, match=files[5].name):
        run(params, Context())
    assert written() == set()


def test_a_disk_that_fills_up_leaves_nothing(
    small_project, tmp_path, monkeypatch, written
):
    import errno
    import os

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("medlab_gui.core.whole_files.os.fsync", full)
    params = PredictParams(
        str(small_project.image),
        checkpoint=str(small_project.weights),
        output=str(tmp_path / "m.nii"),
    )
    with pytest.raises(StorageFullError, match="no room left"):
        run(params, Context(device="cpu"))
    assert written() == set()


@pytest.mark.parametrize("how", ["writing", "flushing"])
def test_where_one_of_several_files_has_no_room_none_is_there(
    small_project, tmp_path, monkeypatch, written, how
):
    """The mask stayed without its entropy; an older one would have been replaced."""
    import errno
    import os

    from medlab_gui.io import write

    calls = []
    module = write if how == "writing" else os
    name = "_compare" if how == "writing" else "fsync"
    whole = getattr(module, name)

    def full(*given):
        calls.append(given)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(*given)

    monkeypatch.setattr(module, name, full)
    mask = tmp_path / "m.nii"
    mask.write_text("older")
    params = PredictParams(
        str(small_project.image),
        checkpoint=str(small_project.weights),
        output=str(mask),
        entropy=str(tmp_path / "e.nii"),
    )
    with pytest.raises(StorageFullError, match=r"no room left .*e\.nii"):
        run(params, Context(device="cpu"))
    assert written() == {"m.nii"}
    assert mask.read_text() == "older"


def test_cancelling_leaves_nothing(small_project, tmp_path, written):
    job = JobContext(lambda p: job.cancel() if p.message == "Predicting" else None)
    params = PredictParams(
        str(small_project.image),
        checkpoint=str(small_project.weights),
        output=str(tmp_path / "m.nii"),
    )
    with pytest.raises(Cancelled):
        run(params, Context(device="cpu", job=job))
    assert written() == set()


def asked(small_project, lively, tmp_path, **options):
    """Predict the phantom into files; the result, the mask and its grid."""
    out = tmp_path / f"m{len(list(tmp_path.glob('m*')))}.nii.gz"
    params = PredictParams(
        str(small_project.image), checkpoint=lively, output=str(out), **options
    )
    told = run(params, Context(device="cpu"))
    return told, *read_mask(out)


def test_every_option_reaches_the_network(small_project, lively, tmp_path):
    plain, mask, _ = asked(small_project, lively, tmp_path)
    assert plain["asked"] == {
        "tile": 0,
        "overlap": 0.5,
        "axes": "axial",
        "flips": "none",
        "dropout_passes": 0,
        "seed": 0,
        "crf": False,
    }
    assert plain["runtime"] == "torch"
    assert plain["notes"] == []
    for options in ({"tiles": 32}, {"axes": "all"}, {"flips": "all"}, {"crf": True}):
        told, other, grid = asked(small_project, lively, tmp_path, **options)
        assert told["asked"] != plain["asked"]
        assert (other != mask).any(), options
        unlearned = "axes" in options or "flips" in options
        assert bool(told["notes"]) == unlearned, "said, not silent"
        assert other.shape == mask.shape == grid.shape
    with pytest.raises(SpecError, match="no dropout"):
        asked(small_project, lively, tmp_path, dropout_passes=3)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_probabilities_lie_on_the_grid_with_the_classes_last(
    small_project, lively, tmp_path, suffix
):
    import nibabel

    probability, doubt = tmp_path / f"p{suffix}", tmp_path / "e.nii"
    told, mask, _ = asked(
        small_project,
        lively,
        tmp_path,
        probability=str(probability),
        entropy=str(doubt),
    )
    assert str(probability) in PREDICT.text(told)
    image, scan = nibabel.load(probability), nibabel.load(small_project.image)
    assert np.allclose(image.affine, scan.affine)
    assert image.shape == (*scan.shape, 3)
    assert image.get_data_dtype() == np.float32
    probs = np.asarray(image.dataobj)
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=2e-3)
    sure = np.sort(probs, axis=-1)
    clear = sure[..., -1] - sure[..., -2] > 2e-3
    np.testing.assert_array_equal(
        probs.argmax(axis=-1)[clear], mask.transpose(2, 1, 0)[clear]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(probs > 0, probs * np.log(probs), 0)
    unsure = -terms.sum(axis=-1) / np.log(3)
    np.testing.assert_allclose(nibabel.load(doubt).dataobj, unsure, atol=5e-3)


def test_nothing_is_found_where_nothing_was_measured(lively, tmp_path):
    """Filling values (-2000) beside the picture: background, and no doubt of it."""
    import nibabel

    from medlab_gui.learning.predict import Predictor

    grid = plain_grid((4, 48, 48), (4.0, 2.0, 2.0))
    data = np.random.default_rng(4).integers(-100, 200, grid.shape).astype(np.int16)
    data[:, :, :16] = -2000

    def edit(ds, _k):
        ds.PixelRepresentation = 1
        ds.add_new("PixelPaddingValue", "SS", -976)

    write_series(tmp_path / "scan", grid, data, edit=edit)
    names = [str(tmp_path / f"{n}.nii.gz") for n in ("mask", "doubt", "probs")]
    run(
        PredictParams(
            str(tmp_path / "scan"),
            checkpoint=lively,
            output=names[0],
            entropy=names[1],
            probability=names[2],
        ),
        Context(device="cpu"),
    )
    dark = np.where(data == -2000, data[data > -2000].min(), data)
    plain = Predictor(lively, "cpu").predict(dark, grid.spacing)
    assert plain.labels[:, :, :16].any(), "else there is nothing to take back"
    mask, _ = read_mask(names[0])
    assert not mask[:, :, :16].any()
    agrees = mask[:, :, 16:] == plain.labels[:, :, 16:]
    assert agrees.mean() > 0.999  # another runtime may round otherwise
    doubt, probs = (np.asarray(nibabel.load(n).dataobj) for n in names[1:])
    assert not doubt.T[:, :, :16].any()
    assert doubt.T[:, :, 16:].any()
    assert (probs.T[0, :, :, :16] == 1).all()
    assert not probs.T[1:, :, :, :16].any()


def test_only_the_largest_part_and_no_holes(small_project, lively, tmp_path):
    from scipy.ndimage import binary_fill_holes, label

    _, mask, _ = asked(small_project, lively, tmp_path)
    value = int(np.bincount(mask.ravel(), minlength=3)[1:].argmax()) + 1
    name = ("Liver", "Spleen")[value - 1]
    assert label(mask == value)[1] > 1, "something to be thrown away"
    told, one, _ = asked(
        small_project, lively, tmp_path, largest_component=name.upper()
    )
    assert label(one == value)[1] == 1
    other = 3 - value
    np.testing.assert_array_equal(one == other, mask == other)
    assert told["classes"][value - 1]["n_voxels"] == (one == value).sum()
    _, whole, _ = asked(
        small_project, lively, tmp_path, largest_component="all", fill_holes="1, 2"
    )
    for one_value in (1, 2):
        inside = whole == one_value
        assert label(inside)[1] <= 1
        assert not (binary_fill_holes(inside) & (whole == 0)).any()


def test_what_is_kept_in_the_project_is_what_was_asked_for(small_project, lively):
    from scipy.ndimage import label

    params = PredictParams(
        small_project.series_uid,
        checkpoint=lively,
        flips="left-right",
        largest_component="all",
    )
    told = run(params, Context(str(small_project.folder), device="cpu"))
    with small_project.ctx.store() as store:
        stored = store.latest_prediction(small_project.series_uid)
        labels = np.asarray(store.array(stored.labels_blob))
    assert stored.id == told["prediction"]
    assert max(label(labels == value)[1] for value in (1, 2)) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"largest_component": "Heart"}, r"no class 'Heart'; they know Liver \(1\)"),
        ({"fill_holes": "Liver,7"}, "no class '7'"),
        ({"probability": "p.nrrd"}, r"must end in .nii.gz or .nii"),
        ({"probability": "m0.nii.gz"}, "two results"),
        ({"tiles": 5}, "at least 32 pixels"),
        ({"axes": "coronal"}, "axes is one of"),
        ({"dropout_passes": 1}, "at least 2"),
    ],
)
def test_wrong_options_are_refused_at_once(
    small_project, lively, tmp_path, monkeypatch, options, said
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MedlabError, match=said):
        asked(small_project, lively, tmp_path, **options)
    assert not (tmp_path / "m0.nii.gz").exists()


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_what_openvino_could_not_do_is_told(
    small_project, lively, tmp_path, monkeypatch
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def broken(*_):
        raise RuntimeError("unsupported")

    monkeypatch.setattr("medlab_gui.learning.openvino_runtime._converted", broken)
    params = PredictParams(
        str(small_project.image), checkpoint=lively, output=str(tmp_path / "m.nii")
    )
    told = run(params, Context(device="auto"))
    assert told["runtime"] == "torch"
    assert "unsupported" in told["notes"][0]
    assert told["notes"][0] in PREDICT.text(told)
