from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save

from medlab_gui.core.errors import CheckpointError, SpecError, StorageFullError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.learning.checkpoint import (
    CheckpointMeta,
    load_checkpoint,
    read_meta,
    save_checkpoint,
)
from medlab_gui.networks import build
from tests.learning.conftest import NETWORK


def rewrite(path, **changes):
    """Write the checkpoint again with other entries in its description."""
    meta, weights = load_checkpoint(path)
    about = {**meta.to_dict(), **changes}
    content = save(weights, metadata={"medlab": json.dumps(about)})
    del weights  # Windows replaces no file that is mapped
    path.write_bytes(content)


def test_what_is_saved_is_loaded(checkpoint, meta):
    loaded, weights = load_checkpoint(checkpoint)
    assert loaded == meta == read_meta(checkpoint)
    torch.manual_seed(0)
    expected = build(NETWORK).state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[k], expected[k]) for k in expected)


def test_the_same_weights_give_the_same_bytes(checkpoint, meta, tmp_path):
    again = tmp_path / "again.safetensors"
    save_checkpoint(again, load_checkpoint(checkpoint)[1], meta)
    assert again.read_bytes() == checkpoint.read_bytes()


def test_the_description_is_read_without_torch(checkpoint):
    code = (
        "import sys; from medlab_gui.learning.checkpoint import read_meta; "
        f"assert read_meta({str(checkpoint)!r}).name == 'Discs'; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_pt_file_of_ours_is_read(checkpoint, meta, tmp_path):
    _, weights = load_checkpoint(checkpoint)
    path = tmp_path / "ours.pt"
    torch.save({"medlab": json.dumps(meta.to_dict()), "state_dict": weights}, path)
    loaded, again = load_checkpoint(path)
    assert loaded == meta == read_meta(path)
    assert all(torch.equal(again[k], weights[k]) for k in weights)


class Malicious:
    """Makes a file when it is unpickled without care."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("how", ["torch zip", "torch legacy", "bare pickle"])
@pytest.mark.parametrize("name", ["evil.pt", "evil.safetensors"])
def test_a_pickle_that_asks_for_more_is_refused_and_does_nothing(tmp_path, how, name):
    trace, path = tmp_path / "trace", tmp_path / name
    if how == "bare pickle":
        path.write_bytes(pickle.dumps({"state_dict": Malicious(trace)}))
    else:
        torch.save(
            {"medlab": "{}", "state_dict": Malicious(trace)},
            path,
            _use_new_zipfile_serialization=how == "torch zip",
        )
    for read in (load_checkpoint, read_meta):
        with pytest.raises(
            CheckpointError, match=r"evil.* (more than tensors|damaged)"
        ):
            read(path)
    assert not trace.exists()
    if how == "torch zip":
        with pytest.raises(CheckpointError, match="more than tensors"):
            load_checkpoint(path)
        # The bait is real: careless reading does make the trace.
        with path.open("rb") as file:
            torch.load(file, weights_only=False)
        assert trace.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.safetensors", b"These are the notes of a long meeting about livers."),
        ("empty.safetensors", b""),
        ("short.safetensors", b"\x80"),
        ("zeros.safetensors", bytes(1000)),
        ("zip.pt", b"PK\x03\x04 but not a zip at all"),
        ("list.safetensors", (2).to_bytes(8, "little") + b"[]"),
        ("text.safetensors", (4).to_bytes(8, "little") + b"{abc"),
        ("png.pt", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ],
)
def test_what_is_no_checkpoint_gets_a_sentence(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (load_checkpoint, read_meta):
        with pytest.raises(CheckpointError, match="not a checkpoint of MedLab") as info:
            read(path)
        assert name in info.value.message
        assert info.value.path == path


def test_any_truncation_is_noticed(checkpoint):
    content = checkpoint.read_bytes()
    for length in {*range(64), *range(64, len(content), 4099), len(content) - 1}:
        checkpoint.write_bytes(content[:length])
        for read in (read_meta, load_checkpoint):
            with pytest.raises(CheckpointError, match=r"not a checkpoint|damaged"):
                read(checkpoint)


@pytest.mark.parametrize("length", [640, 896, 1152, 1408, 640 + 65536])
def test_a_header_whose_length_looks_like_a_pickle_is_read(checkpoint, meta, length):
    # The two bytes 0x80 0x02 begin a pickle, and the number 640.
    content = save(
        build(NETWORK).state_dict(), metadata={"medlab": json.dumps(meta.to_dict())}
    )
    n = int.from_bytes(content[:8], "little")
    if n > length:
        length += 65536
    header = content[8 : 8 + n].ljust(length)
    checkpoint.write_bytes(length.to_bytes(8, "little") + header + content[8 + n :])
    assert load_checkpoint(checkpoint)[0] == read_meta(checkpoint) == meta


def test_a_long_file_is_damaged_too(checkpoint):
    checkpoint.write_bytes(checkpoint.read_bytes() + b"more")
    with pytest.raises(CheckpointError, match="damaged"):
        read_meta(checkpoint)


def test_foreign_weights_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(save({"w": torch.ones(3)}, metadata={"format": "pt"}))
    with pytest.raises(CheckpointError, match="nothing says of which network"):
        load_checkpoint(path)
    torch.save({"w": torch.ones(3)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="no part named state_dict"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_missing_file_and_a_folder_get_a_sentence(tmp_path):
    with pytest.raises(CheckpointError, match="There is no checkpoint at"):
        read_meta(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="is a folder"):
        load_checkpoint(tmp_path)


def test_an_unknown_network_is_refused_by_name(checkpoint):
    network = {**NETWORK.to_dict(), "name": "resnet9000"}
    rewrite(checkpoint, network=network)
    with pytest.raises(CheckpointError, match=r"resnet9000.*known are.*unet"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    "network",
    [
        NetworkSpec("unet", 1, 3, {"width": 1 / 8}),
        NetworkSpec("unet", 2, 3, {"width": 1 / 16}),
        NetworkSpec("msf_fcn", 1, 3, {"width": 1 / 16}),
    ],
)
def test_weights_that_do_not_fit_are_refused(checkpoint, network):
    rewrite(checkpoint, network=network.to_dict())
    with pytest.raises(CheckpointError, match="do not fit the network"):
        load_checkpoint(checkpoint)


def test_absurd_options_are_refused_without_building(checkpoint):
    rewrite(checkpoint, network={**NETWORK.to_dict(), "options": {"width": 1e9}})
    with pytest.raises(CheckpointError, match="width"):
        load_checkpoint(checkpoint)


def test_weights_that_are_no_numbers_are_refused(checkpoint, meta):
    _, weights = load_checkpoint(checkpoint)
    weights["head.bias"][0] = float("nan")
    save_checkpoint(checkpoint, weights, meta)
    with pytest.raises(CheckpointError, match="not numbers"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": 99}, "newer MedLab"),
        ({"scheme": {"name": "x"}}, "not a list of classes"),
        ({"inplane_mm": "wide"}, "wrong or incomplete"),
        ({"inplane_mm": -2}, "not sensible"),
        ({"pipeline": {"stepps": []}}, "stepps"),
        ({"scheme": LabelScheme.from_names("a", ["b"]).to_dict()}, "3 classes"),
    ],
)
def test_a_wrong_description_gets_a_sentence(checkpoint, changes, match):
    rewrite(checkpoint, **changes)
    with pytest.raises(CheckpointError, match=match):
        read_meta(checkpoint)


def test_a_description_must_fit_itself(meta):
    with pytest.raises(SpecError, match="2 classes"):
        replace(meta, network=NetworkSpec("unet", 1, 2))
    assert CheckpointMeta.from_dict(meta.to_dict()) == meta


def test_writing_into_a_folder_that_is_gone_gets_a_sentence(tmp_path, meta):
    with pytest.raises(StorageFullError, match="not there any more"):
        save_checkpoint(tmp_path / "gone" / "a.safetensors", {}, meta)
