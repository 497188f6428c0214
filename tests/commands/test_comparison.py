"""``medlab evaluate --compare`` on files and weights."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.cli.parser import build_parser
from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Context
from medlab_gui.commands.evaluate import EVALUATE, EvaluateParams, run
from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.io import write_image
from medlab_gui.learning.metrics import mask_metrics
from tests.commands.conftest import places
from tests.projects import tiny_weights

GRID = Grid.from_spacing((6, 20, 24), (3.0, 1.0, 1.0))


@pytest.fixture
def folders(tmp_path):
    """Three cases; one network a little off, one far off."""
    for name in ("truth", "near", "far", "ct"):
        (tmp_path / name).mkdir()
    for n in range(3):
        truth = np.zeros(GRID.shape, np.uint8)
        truth[1:5, 4:14, 5 + n : 17 + n] = 1
        truth[2:4, 6:9, 8:12] = 2
        near, far = np.roll(truth, 1, 2), np.roll(truth, 4, 1)
        for name, mask in (("truth", truth), ("near", near), ("far", far)):
            write_image(tmp_path / name / f"p{n}.nii.gz", mask, GRID)
        scan = np.where(truth, 80, -40).astype(np.int16)
        write_image(tmp_path / "ct" / f"p{n}_0000.nii.gz", scan, GRID)
    return tmp_path


def compared(folder, *names, **more):
    values = {
        "compare": places(*(folder / n if "=" not in n else n for n in names)),
        "truth": str(folder / "truth"),
        "output": str(folder / "out"),
        **more,
    }
    return run(EvaluateParams(**values), Context())


def test_masks_are_judged_on_the_same_cases(folders):
    told = compared(
        folders, "near", "far", images=str(folders / "ct"), names="Liver=1,Tumour=2"
    )
    from medlab_gui.io import read_mask

    ours = []
    for n in range(3):
        masks = [read_mask(folders / d / f"p{n}.nii.gz")[0] for d in ("near", "truth")]
        ours.append(mask_metrics(*masks, GRID.spacing, (1, 2)).classes[1].to_dict())
    found = told["networks"]["near"]["classes"]["1"]
    assert found["name"] == "Liver"
    for key, values in ours[0].items():
        assert found[key]["mean"] == pytest.approx(
            np.mean([case[key] for case in ours])
        ), (key, values)
    assert told["n_cases"] == 3
    assert told["worst"][0]["dsc"] <= told["worst"][-1]["dsc"]
    for case in told["worst"]:
        place = f"{case['case']}.nii.gz"
        masks = [read_mask(folders / d / place)[0] for d in ("near", "far", "truth")]
        wrong = sum((m != masks[2]).sum((1, 2)) for m in masks[:2])
        assert wrong[case["slice_index"]] == wrong.max() > 0
    text = EVALUATE.text(told)
    assert "Liver" in text
    assert "report.html" in text
    json.dumps(told)


def test_the_report_is_whole(folders):
    told = compared(folders, "near", "far", images=str(folders / "ct"))
    out = folders / "out"
    assert {p.name for p in out.iterdir()} == set(told["files"])
    assert {
        *("report.html", "tables.txt", "tables.tex", "cases.csv", "tests.csv"),
        *("class-1.csv", "class-2.csv", "overall.csv", "dsc-class-1.svg"),
    } <= set(told["files"])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 3 * 3
    assert "<svg" in page
    assert str(folders / "ct" / "p0_0000.nii.gz") in page
    with (out / "cases.csv").open(encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == 3 * 2 * 2


def test_folds_are_folders(folders):
    (folders / "cv").mkdir()
    for n in range(3):
        fold = folders / "cv" / f"fold{n % 2 + 1}"
        fold.mkdir(exist_ok=True)
        (folders / "near" / f"p{n}.nii.gz").rename(fold / f"p{n}.nii.gz")
    told = compared(folders, "cv", "far")
    assert "folds.csv" in told["files"]
    table = (folders / "out" / "folds.csv").read_text(encoding="utf-8-sig")
    assert table.startswith("Network,fold1,fold2,")
    twice = folders / "cv" / "fold2" / "p0.nii.gz"
    twice.write_bytes((folders / "far" / "p0.nii.gz").read_bytes())
    with pytest.raises(InputError, match="in fold1 and in fold2"):
        compared(folders, "cv", "far")


def test_ablation_rows_are_named(folders):
    named = (f"none={folders / 'far'}", f"residual+CBAM={folders / 'near'}")
    told = compared(folders, *named, ablation=True)
    made = folders / "out" / "ablation.csv"
    rows = made.read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == 9
    assert rows[1].startswith("none,,,,0.")
    assert rows[5].startswith("residual+CBAM,✓,✓,,0.")
    assert "ablation.csv" in told["files"]
    with pytest.raises(InputError, match="'far' is no row of the ablation"):
        compared(folders, "far", named[1], ablation=True)
    again = f"cbam+residual={folders / 'far'}"
    with pytest.raises(InputError, match="the same row"):
        compared(folders, named[1], again, ablation=True)


def test_cases_of_one_patient_count_as_one(folders):
    whose = folders / "whose.csv"
    whose.write_text("case,patient\np0,a\np1,a\np2,a\n", encoding="utf-8")
    told = compared(folders, "near", patients=str(whose))
    assert told["networks"]["near"]["overall"]["dsc"]["low"] is None
    whose.write_text("case,patient\np0,a\np1,a\n", encoding="utf-8")
    with pytest.raises(InputError, match="does not say whose p2 is"):
        compared(folders, "near", patients=str(whose))
    whose.write_text("case,patient\np0,a\np0,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"Line 3 .* a case has one patient"):
        compared(folders, "near", patients=str(whose))


def test_weights_predict_and_get_curves(small_project, tmp_path):
    other = tiny_weights(tmp_path / "other.safetensors")
    for name, file in (("t", small_project.mask), ("i", small_project.image)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ball.nii.gz").write_bytes(file.read_bytes())
    told = run(
        EvaluateParams(
            compare=places(f"A={other}"),
            truth=str(tmp_path / "t"),
            images=str(tmp_path / "i"),
            output=str(tmp_path / "out"),
        ),
        Context(),
    )
    assert 0 <= told["networks"]["A"]["auc"]["1"] <= 1
    assert told["networks"]["A"]["overall"]["ece"]["n"] == 1
    assert "roc-class-1.svg" in told["files"]


def test_what_networks_said_while_they_learned_is_shown(
    small_project, tmp_path, caplog
):
    from medlab_gui.learning.capsule import write_capsule
    from medlab_gui.learning.checkpoint import read_meta
    from medlab_gui.learning.dataset import PreparedSlices
    from medlab_gui.learning.kept import keep_step, keep_truth
    from tests.learning.conftest import judge_source, train_spec

    weights = tiny_weights(tmp_path / "unet.safetensors")
    trained = tmp_path / "unet.run"
    trained.mkdir()
    spec = train_spec()
    slices = PreparedSlices(judge_source(), spec.pipeline, None, 3)
    keep_truth(trained, slices, [0, 1])
    keep_step(trained, 600, [slices[n][1] for n in (0, 1)])
    write_capsule(trained, spec, {"scheme": read_meta(weights).scheme.to_dict()})
    out = tmp_path / "out"
    params = EvaluateParams(compare=places(f"A & B={weights}"), output=str(out))
    told = run(params, small_project.ctx)
    assert "kept-1.svg" in told["files"]
    figure = (out / "kept-1.svg").read_text(encoding="utf-8")
    assert "A &amp; B: predictions while it learned" in figure
    assert figure.count("<image") == 4
    assert figure.strip() in (out / "report.html").read_text(encoding="utf-8")
    # A damaged run costs its figure, not the comparison.
    (trained / "kept" / "truth.npz").write_bytes(b"")
    again = replace(params, output=str(tmp_path / "again"))
    assert "kept-1.svg" not in run(again, small_project.ctx)["files"]
    assert "are damaged" in caplog.text


def test_what_does_not_fit_is_said(folders, tmp_path):
    with pytest.raises(InputError, match="Name a folder for the report"):
        compared(folders, "near", output="")
    with pytest.raises(InputError, match="is what is compared"):
        compared(folders, "near", output=str(folders / "near"))
    with pytest.raises(InputError, match="neither a folder of masks"):
        compared(folders, "gone")
    with pytest.raises(InputError, match="--images goes with --compare"):
        run(EvaluateParams(images="x"), Context())
    with pytest.raises(InputError, match="called 'far'"):
        compared(folders, f"far={folders / 'near'}", f"far={folders / 'far'}")
    for names in ("1=2", "Liver", "Liver=x"):
        with pytest.raises(InputError, match="gives classes their names"):
            compared(folders, "near", names=names)
    (folders / "far" / "p1.nii.gz").unlink()
    with pytest.raises(InputError, match=r"'far' has no mask for p1 \(it has p0, p2\)"):
        compared(folders, "near", "far")
    moved = Grid.from_spacing(GRID.shape, GRID.spacing, (9.0, 0.0, 0.0))
    write_image(folders / "far" / "p1.nii.gz", np.zeros(GRID.shape, np.uint8), moved)
    with pytest.raises(GeometryError, match="same grid"):
        compared(folders, "near", "far")
    (folders / "ct" / "p2_0000.nii.gz").unlink()
    with pytest.raises(InputError, match=r"no scan in .* for p2"):
        compared(folders, "near", images=str(folders / "ct"))
    weights = tiny_weights(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="name the scans"):
        compared(folders, f"w={weights}")


def test_places_are_gathered_on_the_command_line():
    words = ["evaluate", "--compare", "a b", "B=c,d", "--truth", "t", "--compare", "e"]
    found = build_parser(COMMANDS).parse_args(words)
    assert found.compare == "a b\nB=c,d\ne"
    assert found.truth == "t"


def test_networks_that_were_folded_differently_are_refused(folders):
    for name, where in (("cv", (1, 1, 2)), ("other", (2, 1, 2))):
        for n, fold in enumerate(where):
            target = folders / name / f"fold{fold}"
            target.mkdir(parents=True, exist_ok=True)
            file = folders / "near" / f"p{n}.nii.gz"
            (target / file.name).write_bytes(file.read_bytes())
    with pytest.raises(
        InputError, match="folded differently: the case 'p0' is in fold1"
    ):
        compared(folders, "cv", "other")
    assert compared(folders, "cv", "cv2=" + str(folders / "near"))["n_cases"] == 3


def test_what_fails_leaves_no_folder(folders):
    with pytest.raises(InputError, match="neither a folder of masks"):
        compared(folders, "gone")
    assert not (folders / "out").exists()
    (folders / "out").mkdir()
    with pytest.raises(InputError, match="neither a folder of masks"):
        compared(folders, "gone")
    assert (folders / "out").exists(), "that was the user's"


def test_one_networks_probabilities_are_in_memory_at_a_time(small_project, tmp_path):
    """Four networks on a long scan would take four gigabytes of them."""
    import gc
    import weakref

    from medlab_gui.commands import loaded_cases

    alive, most = weakref.WeakSet(), []

    def watched(name, found, slices=slice(None)):
        gc.collect()
        most.append(len(alive))
        made = loaded_cases.Answer(name, found.labels[slices], found.probs[:, slices])
        alive.add(made)
        return made

    for name, file in (("t", small_project.mask), ("i", small_project.image)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ball.nii.gz").write_bytes(file.read_bytes())
    weights = [tiny_weights(tmp_path / f"w{n}.safetensors") for n in range(3)]
    params = EvaluateParams(
        compare=places(*weights),
        truth=str(tmp_path / "t"),
        images=str(tmp_path / "i"),
        output=str(tmp_path / "out"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded_cases.Answer, "of", staticmethod(watched))
        told = run(params, Context())
    assert most == [0, 0, 0]
    assert list(told["networks"]) == ["w0", "w1", "w2"]
