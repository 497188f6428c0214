from __future__ import annotations

import json

import pytest
import torch

from medlab_gui.cli.main import main
from medlab_gui.commands.command import Context
from medlab_gui.commands.weights import WEIGHTS, WeightsParams, run
from medlab_gui.core.errors import CheckpointError, InputError, SpecError
from tests.learning.test_registered_weights import public_file
from tests.projects import tiny_weights


def test_a_file_is_added_and_listed(tmp_path):
    ctx = Context()
    before = run(WeightsParams("list"), ctx)
    assert before["weights"] == []
    assert "nothing yet" in WEIGHTS.text(before)
    added = run(WeightsParams("add", str(public_file(tmp_path / "mine.pth"))), ctx)
    assert added["added"]["name"] == "alexnet"
    assert added["fits"] == ["alexnet"]
    words = WEIGHTS.text(added)
    assert "mine.pth is kept as 'alexnet'" in words
    assert added["added"]["sha256"] in words
    after = run(WeightsParams("list"), ctx)
    assert [w["name"] for w in after["weights"]] == ["alexnet"]
    assert json.loads(json.dumps(after)) == after


def test_every_public_file_is_told_with_place_checksum_and_licence():
    told = run(WeightsParams("list"), Context())
    words = WEIGHTS.text(told)
    assert {k["source"] for k in told["known"]} == {
        *("vgg16", "vgg16_bn", "resnet50", "alexnet", "inception_v3"),
    }
    for known in told["known"]:
        assert not known["registered"]
        assert known["url"].startswith("https://")
        for part in (known["url"], known["sha256"], known["licence"]):
            assert part in words


def test_a_checkpoint_of_ours_says_its_network(tmp_path):
    file = tiny_weights(tmp_path / "tiny.safetensors")
    added = run(WeightsParams("add", str(file), "mine"), Context())
    assert added["added"]["name"] == "mine"
    assert added["fits"] == ["unet"]


def test_what_is_missing_or_too_much_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match="Name the file"):
        run(WeightsParams("add"), Context())
    with pytest.raises(InputError, match="takes no file"):
        run(WeightsParams("list", "a.pth"), Context())
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        run(WeightsParams("add", str(tmp_path / "none.pth")), Context())


def test_the_command_line_refuses_in_one_sentence(tmp_path, capsys):
    path = tmp_path / "x.pth"
    torch.save({"w": torch.ones(3)}, path)
    assert main(["weights", "add", str(path)])[0] == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "of no network that MedLab knows" in said
    assert main(["weights", "list", "--json"])[0] == 0
    assert json.loads(capsys.readouterr().out)["weights"] == []


def test_weights_that_do_not_fit_leave_no_run(small_project, tmp_path):
    from medlab_gui.commands.train import TrainParams
    from medlab_gui.commands.train import run as train

    run(WeightsParams("add", str(public_file(tmp_path / "a.pth"))), Context())
    for name, said in (("alexnet", "does not take over"), ("vgg", "no registered")):
        params = TrainParams(preset="quick-cpu", set=f"encoder_weights={name}")
        with pytest.raises(SpecError, match=said):
            train(params, small_project.ctx)
    with small_project.ctx.store() as store:
        assert not store.runs()
