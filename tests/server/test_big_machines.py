"""The command lines of the README for big machines, read by vLLM without its weights."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from server import flags
from server.engines.vllm_settings import EngineSettings, arguments

pytest.importorskip("vllm", reason="vLLM is not installed")

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("_environment_put_back")]

README = Path(__file__).parents[2] / "README.md"
LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "hidden_act": "silu",
    "max_position_embeddings": 131072,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "vocab_size": 128256,
    "bos_token_id": 128000,
    "eos_token_id": 128009,
}
INT8 = {
    "quant_method": "compressed-tensors",
    "format": "int-quantized",
    "ignore": ["lm_head"],
    "config_groups": {
        "group_0": {
            "targets": ["Linear"],
            "weights": {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True},
            "input_activations": {
                "num_bits": 8, "type": "int", "strategy": "token", "symmetric": True,
                "dynamic": True,
            },
        }
    },
}  # fmt: skip
SHAPES: dict[str, dict[str, Any]] = {
    "my-1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16},
    "my-8b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32},
    "my-70b": {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80},
    "my-405b": {"hidden_size": 16384, "intermediate_size": 53248, "num_hidden_layers": 126},
}
SHAPES["my-70b-int8"] = SHAPES["my-70b"] | {"quantization_config": INT8}
COMMANDS = re.findall(r"`(reflect serve \./my-[^`]+)`", README.read_text("utf-8"))


@pytest.fixture
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand beside folders that have the models' shapes and no weights."""
    for name, shape in SHAPES.items():
        heads = {"num_attention_heads": shape["hidden_size"] // 128, "head_dim": 128}
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(LLAMA | shape | heads))
    monkeypatch.chdir(tmp_path)


def test_the_readme_has_a_command_for_each_kind_of_machine() -> None:
    lines = " ".join(COMMANDS)
    flags_of_note = ("tensor", "pipeline", "data", "ray", "speculative", "int8", "405b")
    assert [word for word in flags_of_note if word not in lines] == []


@pytest.mark.usefixtures("_folders")
@pytest.mark.parametrize("command", COMMANDS)
def test_vllm_takes_a_command_of_the_readme(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    said = flags.parse(shlex.split(command)[2:])
    settings = EngineSettings(
        Path(said.folder), said.max_model_len, said.max_num_seqs, vllm=said.engine
    )
    told = arguments(settings, is_cpu=False)
    config = AsyncEngineArgs(**told).create_engine_config(UsageContext.ENGINE_CONTEXT)
    parallel = config.parallel_config
    for size in ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"):
        assert getattr(parallel, size) == said.engine.get(size, 1)
    if "distributed_executor_backend" in said.engine:
        assert parallel.distributed_executor_backend == "ray"
    drafts = said.engine.get("speculative_config")
    assert (config.speculative_config is not None) == (drafts is not None)
    if "int8" in said.folder:
        assert config.model_config.quantization == "compressed-tensors"
