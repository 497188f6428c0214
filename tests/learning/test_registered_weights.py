"""Public weights: checked, kept as safetensors, found by name, taken over."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from medlab_gui.core.errors import CheckpointError, InputError, SpecError
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step
from medlab_gui.learning import registered_weights as registry
from medlab_gui.learning.registered_weights import (
    KNOWN,
    add_weights,
    find_weights,
    read_weights,
    registered_weights,
)
from medlab_gui.learning.transferred import start_from_weights
from medlab_gui.networks import CLASSIFIERS, NETWORKS, build, describe
from medlab_gui.networks.transfer import SOURCES
from tests.learning.test_weight_files import Malicious
from tests.networks.public_files import public_tensors

WINDOW = PipelineSpec((Step("window", {"level": 40.0, "width": 400.0}),))


def public_file(path, name: str = "alexnet", **changes):
    """Write a file as torchvision's, without its dense layers."""
    tensors = {
        k: t for k, t in public_tensors(name).items() if not k.startswith("classifier")
    }
    torch.save({**tensors, **changes}, path)
    return path


def test_a_public_file_is_kept_as_safetensors(tmp_path):
    file = public_file(tmp_path / "mine.pth")
    kept = add_weights(file, tmp_path / "weights")
    assert kept.name == kept.source == "alexnet"
    assert kept.title == "AlexNet, trained elsewhere"
    assert kept.licence == "not known to MedLab"
    assert kept.file == "mine.pth"
    assert kept.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert kept.path == tmp_path / "weights" / "alexnet.safetensors"
    tensors = load_file(kept.path)
    expected = torch.load(file, weights_only=True)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[k], expected[k]) for k in expected)
    assert kept.n_tensors == len(expected)
    assert kept.n_numbers == sum(t.numel() for t in expected.values())
    assert registered_weights(tmp_path / "weights") == [kept]
    assert find_weights(tmp_path / "weights", "alexnet") == kept
    again = read_weights(kept)
    assert all(torch.equal(again[k], expected[k]) for k in expected)


def test_a_file_with_a_known_checksum_is_known(tmp_path, monkeypatch):
    file = public_file(tmp_path / "any.pth")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    (known,) = [k for k in KNOWN if k.source == "alexnet"]
    monkeypatch.setattr(registry, "KNOWN", (replace(known, sha256=sha256[:8]),))
    kept = add_weights(file, tmp_path / "weights")
    assert (kept.title, kept.url) == (known.title, known.url)
    assert "non-commercial" in kept.licence


def test_a_file_that_is_not_what_its_name_promises_is_refused(tmp_path):
    file = public_file(tmp_path / "alexnet-owt-7be5be79.pth")
    with pytest.raises(CheckpointError, match=r"begins with \w{8}, not 7be5be79"):
        add_weights(file, tmp_path / "weights")
    assert not (tmp_path / "weights").exists()
    right = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    named = file.rename(tmp_path / f"alexnet-{right}.pth")
    assert add_weights(named, tmp_path / "weights").name == "alexnet"


def test_adding_twice_is_once_and_another_needs_another_name(tmp_path):
    folder = tmp_path / "weights"
    first = add_weights(public_file(tmp_path / "a.pth"), folder)
    assert add_weights(tmp_path / "a.pth", folder) == first
    other = public_file(tmp_path / "b.pth", **{"features.0.bias": torch.ones(64)})
    with pytest.raises(InputError, match=r"other weights named 'alexnet' \(from a.pth"):
        add_weights(other, folder)
    assert add_weights(other, folder, "alexnet-b").name == "alexnet-b"
    assert [w.name for w in registered_weights(folder)] == ["alexnet", "alexnet-b"]


@pytest.mark.parametrize("name", ["Ünder", "a/b", "../a", ".hidden", "a" * 65, "A"])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="small letters"):
        add_weights(public_file(tmp_path / "a.pth"), tmp_path / "weights", name)


def test_a_checkpoint_of_ours_is_kept_with_its_description(checkpoint, meta, tmp_path):
    from medlab_gui.learning.checkpoint import read_meta

    kept = add_weights(checkpoint, tmp_path / "weights")
    assert (kept.name, kept.title, kept.source) == ("discs", "Discs", "")
    assert kept.network == meta.network.to_dict()
    assert read_meta(kept.path) == meta


def test_what_asks_for_more_than_tensors_is_refused(tmp_path):
    trace = tmp_path / "trace"
    file = public_file(tmp_path / "vgg.pth", evil=Malicious(trace))
    with pytest.raises(
        CheckpointError, match=r"asks for more than tensors.*torchvision"
    ):
        add_weights(file, tmp_path / "weights")
    assert not trace.exists()
    assert not (tmp_path / "weights").exists()


def test_what_is_of_no_use_is_refused(tmp_path):
    folder, path = tmp_path / "weights", tmp_path / "x.pth"
    torch.save({"w": torch.ones(3)}, path)
    with pytest.raises(
        CheckpointError, match=r"of no network .*first is w.*VGG16, VGG16 with"
    ):
        add_weights(path, folder)
    path.write_bytes(b"These are no weights at all, but a long letter.")
    with pytest.raises(CheckpointError, match=r"x\.pth is no file of weights: it does"):
        add_weights(path, folder)
    with pytest.raises(CheckpointError, match="There is no checkpoint at"):
        add_weights(tmp_path / "none.pth", folder)
    broken = torch.full((64,), float("inf"))
    with pytest.raises(CheckpointError, match="values that are no numbers"):
        add_weights(public_file(path, **{"features.0.bias": broken}), folder)
    assert registered_weights(folder) == []


@pytest.mark.parametrize("kind", ["int8", "bool", "complex64", "float8_e4m3fn"])
def test_numbers_that_are_no_weights_are_refused(tmp_path, kind):
    """Quantised weights need their scale; complex ones would lose half of it."""
    rounded = torch.ones(64).to(getattr(torch, kind))
    file = public_file(tmp_path / "x.pth", **{"features.0.bias": rounded})
    said = rf"features\.0\.bias holds numbers of the type {kind}; weights are float32"
    with pytest.raises(CheckpointError, match=said):
        add_weights(file, tmp_path / "weights")


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_weights_of_other_precision_are_kept_as_they_are(tmp_path, kind):
    dtype = getattr(torch, kind)
    file = public_file(
        tmp_path / "x.pth", **{"features.0.bias": torch.ones(64, dtype=dtype)}
    )
    kept = add_weights(file, tmp_path / "weights")
    assert read_weights(kept)["features.0.bias"].dtype == dtype


def test_other_files_in_the_folder_are_left_alone(checkpoint, tmp_path):
    folder = tmp_path / "weights"
    add_weights(public_file(tmp_path / "a.pth"), folder)
    (folder / "b.safetensors").write_bytes(checkpoint.read_bytes())
    (folder / "c.safetensors").write_bytes(b"broken")
    assert [w.name for w in registered_weights(folder)] == ["alexnet"]


def test_an_unknown_name_is_told_with_the_nearest(tmp_path):
    with pytest.raises(SpecError, match=r"there are none yet.*weights list"):
        find_weights(tmp_path, "vgg16")
    add_weights(public_file(tmp_path / "a.pth"), tmp_path)
    with pytest.raises(SpecError, match="Did you mean 'alexnet'"):
        find_weights(tmp_path, "alexnett")


def test_the_registry_is_listed_without_torch(tmp_path):
    add_weights(public_file(tmp_path / "a.pth"), tmp_path)
    code = (
        "import sys; from pathlib import Path; "
        "from medlab_gui.learning.registered_weights import registered_weights; "
        f"assert registered_weights(Path({str(tmp_path)!r}))[0].name == 'alexnet'; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_table_says_what_the_networks_say():
    takes: dict[str, set[str]] = {source: set() for source in SOURCES}
    for name in [*NETWORKS, *CLASSIFIERS]:
        for source in describe(NetworkSpec(name, 1, 2))["transfers_from"]:
            takes[source].add(name)
    plain = NetworkSpec("resnet_cbam_unet", 1, 2, {"encoder": "plain"})
    for source in describe(plain)["transfers_from"]:
        takes[source].add("resnet_cbam_unet (encoder plain)")
    assert {k.source for k in KNOWN} == set(SOURCES)
    for known in KNOWN:
        assert set(known.networks) == takes[known.source]
        assert known.url.rpartition("-")[2].startswith(known.sha256[:8])
        assert known.licence


@pytest.mark.parametrize("ends", ["window", "zscore"])
def test_the_first_layer_knows_what_the_recipe_shows_it(tmp_path, ends):
    kept = add_weights(
        public_file(tmp_path / "v.pth", "vgg16_bn"), tmp_path / "weights"
    )
    network = build(NetworkSpec("segnet", 3, 2))
    steps = WINDOW.steps if ends == "window" else (*WINDOW.steps, Step("zscore"))
    # A step that is off does nothing, so it is not the last one.
    pipeline = PipelineSpec((*steps, Step("zscore", enabled=False)))
    report = start_from_weights(network, kept, pipeline)
    original = public_tensors("vgg16_bn")["features.0.weight"]
    is_as_it_was = torch.equal(network.encoder[0][0].weight, original)
    assert is_as_it_was == (ends == "zscore")
    assert ("normalisation" in "".join(report.lines())) == (ends == "window")


def test_a_network_that_does_not_take_them_says_so(tmp_path):
    kept = add_weights(public_file(tmp_path / "a.pth"), tmp_path / "weights")
    with pytest.raises(
        SpecError, match=r"'alexnet' cannot be used.*does not take over"
    ):
        start_from_weights(
            build(NetworkSpec("unet", 1, 2, {"width": 0.1})), kept, WINDOW
        )
