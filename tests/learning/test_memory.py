from __future__ import annotations

import pytest
import torch

from medlab_gui.core.errors import ResourceError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.core.training import Phase
from medlab_gui.learning import trainer
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.memory import Room, foresee, is_out_of_memory, training_bytes
from medlab_gui.learning.train import train
from medlab_gui.networks import build
from medlab_gui.networks.unet import UNet
from tests.learning.conftest import SCHEME, disc_source, judge_source, train_spec

NO_ROOM = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"


def test_first_the_batch_then_patches_then_the_processor_then_no_more():
    room = Room(8, 0, "cuda")
    told = [room.shrink(512) for _ in range(3)]
    assert (room.batch, room.patch, room.device) == (1, 0, "cuda")
    assert "4 instead of 8" in told[0]
    told = [room.shrink(512) for _ in range(3)]
    assert (room.batch, room.patch, room.device) == (1, 64, "cuda")
    assert "256 x 256" in told[0]
    assert "processor" in room.shrink(512)
    assert (room.batch, room.patch, room.device) == (8, 0, "cpu")
    for _ in range(6):
        room.shrink(512)
    with pytest.raises(ResourceError, match="smaller network"):
        room.shrink(512)


def test_a_classifier_is_never_given_pieces():
    """A piece may lack what its slice shows, and would be called empty."""
    room = Room(2, 0, "cuda", in_pieces=False)
    assert "1 instead of 2" in room.shrink(512)
    assert "processor" in room.shrink(512)
    assert (room.batch, room.patch, room.device) == (2, 0, "cpu")
    room.shrink(512)
    with pytest.raises(ResourceError, match="even for one slice"):
        room.shrink(512)


def test_cards_that_train_together_have_no_processor_to_go_to():
    room = Room(2, 0, "cuda", alone=False)
    room.shrink(128)
    assert "64 x 64" in room.shrink(128)
    with pytest.raises(ResourceError, match="small piece of one slice"):
        room.shrink(128)


def test_what_says_that_memory_is_out():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError(NO_ROOM))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


def tight(monkeypatch, most_voxels):
    """Let the network run out of memory above a number of voxels while it learns."""
    whole = UNet.forward

    def forward(self, x):
        real = x.device.type != "meta"
        if (
            real
            and self.training
            and x.shape[0] * x.shape[2] * x.shape[3] > most_voxels
        ):
            raise RuntimeError(NO_ROOM)
        return whole(self, x)

    monkeypatch.setattr(UNet, "forward", forward)


def run(folder, **options):
    spec = train_spec(phases=(Phase("all", 2, 3e-3),), augment="none", **options)
    training, judges = disc_source(6, size=160), judge_source(size=160)
    return train(spec, SCHEME, training, judges, folder=folder, device="cpu")


def test_half_the_batch_teaches_the_same(tmp_path, monkeypatch):
    """Without batch statistics, two halves give the gradient of the whole."""
    network = NetworkSpec("msf_fcn", 1, 3, {"width": 1 / 64})
    whole = run(tmp_path / "a", network=network, loss="ce", optimiser="sgd")
    monkeypatch.setattr(
        trainer,
        "foresee",
        lambda room, spec, shapes, free: (setattr(room, "batch", 2), ""),
    )
    halves = run(tmp_path / "b", network=network, loss="ce", optimiser="sgd")
    a = load_checkpoint(whole.checkpoint)[1]
    b = load_checkpoint(halves.checkpoint)[1]
    for name in a:
        assert torch.allclose(a[name], b[name], atol=1e-6), name


def test_a_full_memory_is_told_and_training_goes_on(tmp_path, monkeypatch):
    tight(monkeypatch, 2 * 160 * 160)
    made = run(tmp_path)
    assert made.epochs == 2
    (note,) = made.notes
    assert "2 instead of 4 slices at once" in note
    assert note in (tmp_path / "log.txt").read_text()
    assert note in made.checkpoint.with_suffix(".md").read_text()


def test_a_memory_too_small_for_a_slice_takes_pieces(tmp_path, monkeypatch):
    tight(monkeypatch, 100 * 100)
    made = run(tmp_path)
    assert "pieces of 64 x 64 pixels" in made.notes[-1]
    assert len(made.notes) == 3, "4 to 2, 2 to 1, pieces"


def test_a_memory_too_small_for_anything_gets_a_sentence(tmp_path, monkeypatch):
    tight(monkeypatch, 10)
    with pytest.raises(ResourceError, match="not enough memory even for a small piece"):
        run(tmp_path)
    assert (tmp_path / "state.pt").exists(), "what was there is kept"


def test_what_gave_way_holds_after_a_resume(tmp_path, monkeypatch):
    tight(monkeypatch, 2 * 160 * 160)
    whole = run(tmp_path / "whole")

    class Stopped(BaseException):
        pass

    def report(done, total=0, message="", data=None):
        if data and data["dice"] and data["epoch"] == 2:
            raise Stopped

    spec = train_spec(phases=(Phase("all", 2, 3e-3),), augment="none")
    sources = disc_source(6, size=160), judge_source(size=160)
    with pytest.raises(Stopped):
        train(spec, SCHEME, *sources, folder=tmp_path / "s", progress=report,
              device="cpu")  # fmt: skip
    again = train(spec, SCHEME, *sources, folder=tmp_path / "s", resume=True,
                  device="cpu")  # fmt: skip
    a = load_checkpoint(whole.checkpoint)[1]
    b = load_checkpoint(again.checkpoint)[1]
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert again.notes == whole.notes


def test_the_need_is_foreseen_and_the_batch_made_to_fit():
    spec = train_spec(batch=8, augment="none")
    needs = [training_bytes(spec.network, (160, 160), n) for n in (1, 2, 8)]
    assert needs[2] > needs[1] > needs[0]
    room = Room(8, 0, "cpu")
    shapes = [(160, 160), (100, 100)]
    forecast, gave_way = foresee(room, spec, shapes, needs[1] + 1)
    assert room.batch == 2
    assert "8 slices at once need about" in forecast
    assert "2 go through at once" in gave_way


def test_the_forecast_counts_what_torch_keeps():
    """Against what autograd really saves of a real step."""
    spec = NetworkSpec("unet", 1, 3, {"width": 1 / 8})
    network = build(spec).train()
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(torch.zeros(2, 1, 96, 96))
    weights = sum(w.numel() * 4 for w in network.parameters())
    real = sum(kept.values()) - weights + 4 * weights
    assert training_bytes(spec, (96, 96), 2) == pytest.approx(real, rel=0.1)
