"""What vLLM is told, on a CPU and on a GPU."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from server.engines import vllm_settings
from server.engines.vllm_settings import EngineSettings, arguments, choose_dtype


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the environment of the other tests as it is."""
    monkeypatch.setattr(os, "environ", {})


@pytest.mark.parametrize(
    ("checkpoint", "is_cpu", "has_bfloat16", "expected"),
    [
        ("float32", True, True, "float32"),
        ("float32", False, False, "float32"),
        ("bfloat16", True, True, "auto"),
        ("bfloat16", True, False, "float32"),
        ("bfloat16", False, False, "auto"),
        (None, False, False, "auto"),
    ],
)
def test_auto_computes_in_the_checkpoints_type_where_the_machine_can(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: str | None,
    is_cpu: bool,
    has_bfloat16: bool,
    expected: str,
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"torch_dtype": checkpoint}))
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"flags\t: fpu {'avx512_bf16' if has_bfloat16 else 'avx2'}\n")
    monkeypatch.setattr(vllm_settings, "CPU_INFO", cpu_info)
    assert choose_dtype("auto", tmp_path, is_cpu=is_cpu) == expected
    assert choose_dtype("float16", tmp_path, is_cpu=is_cpu) == "float16"


@pytest.mark.parametrize(
    ("in_checkpoint", "flag", "expected"),
    [
        ("compressed-tensors", None, "float32"),
        ("fp8", None, "auto"),
        ("gptq", None, "auto"),
        (None, "fp8", "auto"),
        (None, None, "float32"),
    ],
)
def test_quantised_weights_compute_in_what_their_method_can(
    folder: Path, in_checkpoint: str | None, flag: str | None, expected: str
) -> None:
    config: dict[str, object] = {"torch_dtype": "float32"}
    if in_checkpoint:
        config["quantization_config"] = {"quant_method": in_checkpoint}
    (folder / "config.json").write_text(json.dumps(config))
    assert choose_dtype("auto", folder, flag, is_cpu=True) == expected
    assert choose_dtype("float32", folder, flag, is_cpu=True) == "float32"


def test_a_cpu_and_a_gpu_differ_only_in_what_each_needs(folder: Path) -> None:
    settings = EngineSettings(folder, max_model_len=512, max_num_seqs=8, max_queue=4, executor="mp")
    cpu, gpu = (arguments(settings, is_cpu=is_cpu) for is_cpu in (True, False))
    differing = {key for key in cpu | gpu if cpu.get(key) != gpu.get(key)}
    assert differing <= {
        "dtype",
        "enforce_eager",
        "gpu_memory_utilization",
        "kv_cache_memory_bytes",
    }
    assert cpu["max_num_queued_reqs"] == 12
    assert not cpu["enable_log_requests"]


def test_the_size_of_the_cache_is_what_was_asked_for(folder: Path) -> None:
    for is_cpu, default in ((True, 2**30), (False, None)):
        told = arguments(EngineSettings(folder), is_cpu=is_cpu)
        assert told.get("kv_cache_memory_bytes") == default
        told = arguments(EngineSettings(folder, kv_cache_gib=0.5), is_cpu=is_cpu)
        assert told["kv_cache_memory_bytes"] == 2**29


def test_a_context_that_was_not_asked_for_is_what_fits(folder: Path) -> None:
    assert arguments(EngineSettings(folder), is_cpu=False)["max_model_len"] == -1


@pytest.mark.parametrize(("num_cores", "expected"), [(1, "1"), (2, "1"), (4, "3"), (5, None)])
def test_a_cpu_of_few_cores_runs_the_model_beside_the_scheduler(
    folder: Path, monkeypatch: pytest.MonkeyPatch, num_cores: int, expected: str | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(num_cores)))
    told = arguments(EngineSettings(folder), is_cpu=True)
    assert told.get("distributed_executor_backend") == (None if expected is None else "uni")
    assert os.environ.get("OMP_NUM_THREADS") == expected


def test_what_the_user_set_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    os.environ |= {"OMP_NUM_THREADS": "7", "VLLM_LOGGING_LEVEL": "DEBUG"}
    vllm_settings.set_environment()
    arguments(EngineSettings(folder), is_cpu=True)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert os.environ["VLLM_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_vllms_front_end_is_not_told_the_bundle() -> None:
    os.environ["REFLECT_BUNDLE"] = "models/demo"
    vllm_settings.set_environment()
    assert "REFLECT_BUNDLE" not in os.environ


def test_no_usage_statistics_are_sent() -> None:
    vllm_settings.set_environment()
    assert os.environ["VLLM_NO_USAGE_STATS"] == "1"


def test_more_of_vllms_arguments_win_over_ours(folder: Path) -> None:
    more = {"seed": 7, "kv_cache_dtype": "fp8", "enforce_eager": False}
    for is_cpu in (True, False):
        assert arguments(EngineSettings(folder, vllm=more), is_cpu=is_cpu).items() >= more.items()


@pytest.mark.parametrize(
    "more",
    [
        {"tensor_parallel_size": 2},
        {"pipeline_parallel_size": 2},
        {"data_parallel_size": 2},
        {"distributed_executor_backend": "ray"},
    ],
)
def test_a_model_on_several_workers_is_not_put_beside_the_scheduler(
    folder: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, object]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    told = arguments(EngineSettings(folder, vllm=more), is_cpu=True)
    assert told.get("distributed_executor_backend") == more.get("distributed_executor_backend")
    assert "VLLM_ENABLE_V1_MULTIPROCESSING" not in os.environ
    is_split = "distributed_executor_backend" not in more
    assert os.environ.get("VLLM_CPU_OMP_THREADS_BIND") == ("nobind" if is_split else None)
    assert os.environ.get("OMP_NUM_THREADS") == ("1" if is_split else None)
