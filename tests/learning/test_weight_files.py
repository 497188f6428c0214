"""Any file of weights, read as tensors and never as code."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from medlab_gui.core.errors import CheckpointError
from medlab_gui.learning.weight_files import (
    NotWeightsError,
    read_header,
    read_tensors,
)

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}
READ = "MedLab reads tensors."


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(
        torch.equal(found[k], TENSORS[k]) for k in TENSORS
    )


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "model_state_dict"])
def test_what_torch_saves_is_read(tmp_path, zipped, wrapper):
    path = tmp_path / "w.pth"
    content = TENSORS if wrapper is None else {wrapper: TENSORS, "note": "hello"}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    found, remarks = read_tensors(path, READ)
    assert same(found)
    assert remarks == ({} if wrapper is None else {"note": "hello"})


def test_parameters_and_the_prefix_of_parallel_training_are_read(tmp_path):
    path = tmp_path / "w.pth"
    parallel = {f"module.{k}": torch.nn.Parameter(t) for k, t in TENSORS.items()}
    torch.save(parallel, path)
    found, _ = read_tensors(path, READ)
    assert same(found)
    assert not any(t.requires_grad for t in found.values())


def test_safetensors_of_anybody_are_read(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file(TENSORS, path, metadata={"format": "pt"})
    found, remarks = read_tensors(path, READ)
    assert same(found)
    assert remarks == {"format": "pt"}
    assert read_header(path).shapes == {"a.weight": (2, 3), "a.bias": (2,)}


class Malicious:
    """Makes a folder when it is unpickled without care."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_asks_for_more_is_refused_and_does_nothing(tmp_path, zipped):
    trace, path = tmp_path / "trace", tmp_path / "vgg.pth"
    content = {**TENSORS, "extra": Malicious(trace)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"vgg\.pth asks for more than tensors"):
        read_tensors(path, READ)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [[1, 2], {}, {"a": 3}, {"state_dict": {"a": [1.0]}}, {1: torch.ones(1)}]
)
def test_other_content_is_told(tmp_path, content):
    path = tmp_path / "w.pth"
    torch.save(content, path)
    with pytest.raises(NotWeightsError, match="it holds"):
        read_tensors(path, READ)


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04 no zip", bytes(1000)])
def test_other_files_are_told(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(NotWeightsError):
        read_tensors(path, READ)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_any_truncation_is_noticed(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save(TENSORS, path)
    else:
        save_file(TENSORS, path)
    content = path.read_bytes()
    for length in {*range(0, len(content), 7), len(content) - 1}:
        path.write_bytes(content[:length])
        with pytest.raises((NotWeightsError, CheckpointError)):
            read_tensors(path, READ)


def test_half_a_download_is_called_that(tmp_path):
    path = tmp_path / "w.pth"
    torch.save(TENSORS, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NotWeightsError, match="cut off"):
        read_tensors(path, READ)


def test_a_bare_pickle_is_read_as_nothing(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps({"a": 3}))
    with pytest.raises((NotWeightsError, CheckpointError)):
        read_tensors(path, READ)
