"""How the engine is started: our settings, and what vLLM is told because of them.

The same arguments on a CPU and on a GPU but for what each needs: a CPU gets a fixed cache size, no
compilation, and float32 where it cannot compute in bfloat16.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from decoding.adapters.admission import FOLDER_VARIABLE
from decoding.automaton_cache import VARIABLE
from server.engines.vllm_worker import EXTENSION

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",  # of the worker processes
    "VLLM_RAY_EXTRA_ENV_VARS_TO_COPY": VARIABLE,  # workers of Ray look for automata there too
}
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
CPU_INFO = Path("/proc/cpuinfo")
GIB = 1 << 30
FLOAT32_METHODS = {"compressed-tensors"}  # fp8, gptq, awq and others: 16 bits only
SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
FEW_CORES = 4  # measured on 2: a third of the start-up less, and 1.6 times the tokens a second


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How to start the engine; one per process.

    max_model_len: tokens of prompt and reply together; None is what the model and the memory allow
    max_num_seqs, max_queue: replies written at once, and requests that may wait beyond them
    kv_cache_gib: size of the attention cache; None is 1 GiB on a CPU, and on a GPU what the
        weights leave of gpu_memory, the share of the GPU's memory to use
    dtype: "auto", "float32", "bfloat16" or "float16"; auto computes in the checkpoint's type where
        the machine can
    is_enforced: whether budgets are enforced; without, a request with a budget is refused
    executor: vLLM's distributed_executor_backend; None is its own choice, but on a CPU of few
        cores "uni": the model runs in the scheduler's process
    max_loras, max_lora_rank: LoRA adapters in one batch, and their largest rank; 0 takes none
    vllm: more of vLLM's engine arguments by name; they win over ours
    """

    folder: Path
    max_model_len: int | None = None
    max_num_seqs: int = 64
    max_queue: int = 256
    kv_cache_gib: float | None = None
    gpu_memory: float = 0.9
    dtype: str = "auto"
    seed: int = 0
    is_enforced: bool = True
    executor: str | None = None
    max_loras: int = 0
    max_lora_rank: int = 16
    vllm: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_workers(self) -> int:
        """How many processes hold a part or a copy of the model."""
        return prod(int(self.vllm.get(size, 1)) for size in SIZES)


def set_environment() -> None:
    """Set what vLLM reads when it is imported, where the user did not.

    The plug-in's variable goes: with it vLLM's front end would compile constraints on the event
    loop, which the server has compiled beside it.
    """
    os.environ.pop(FOLDER_VARIABLE, None)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def arguments(settings: EngineSettings, *, is_cpu: bool) -> dict[str, Any]:
    """Return vLLM's engine arguments, and set what its processes will read at their start."""
    args: dict[str, Any] = {
        "model": str(settings.folder),
        "skip_tokenizer_init": True,  # ids in, ids out: no text is ever made in the engine
        "max_model_len": -1 if settings.max_model_len is None else settings.max_model_len,
        "max_num_seqs": settings.max_num_seqs,
        "max_num_queued_reqs": settings.max_num_seqs + settings.max_queue,
        "dtype": choose_dtype(
            settings.dtype, settings.folder, settings.vllm.get("quantization"), is_cpu=is_cpu
        ),
        "seed": settings.seed,
        "generation_config": "vllm",  # the request says how to sample, not the folder
        "enable_log_requests": False,  # they would hold prompts
        "use_tqdm_on_load": False,
        "worker_extension_cls": EXTENSION,
    }
    if settings.max_loras:
        args |= {
            "enable_lora": True,
            "max_loras": settings.max_loras,
            "max_lora_rank": settings.max_lora_rank,
        }
    if settings.executor is not None:
        args["distributed_executor_backend"] = settings.executor
    if settings.kv_cache_gib is not None:
        args["kv_cache_memory_bytes"] = int(settings.kv_cache_gib * GIB)
    if is_cpu:
        args = {"kv_cache_memory_bytes": GIB} | args | _for_cpu(settings)
    else:
        args["gpu_memory_utilization"] = settings.gpu_memory
    return args | dict(settings.vllm)


def _for_cpu(settings: EngineSettings) -> dict[str, Any]:
    """Return what a CPU needs besides: no compilation, and few processes where cores are few."""
    args: dict[str, Any] = {"enforce_eager": True}
    # Or the first request for logprobs holds up all others until a kernel is compiled.
    os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
    num_cores = len(os.sched_getaffinity(0))
    is_alone = settings.num_workers == 1 and num_cores <= FEW_CORES
    asked = settings.vllm.get("distributed_executor_backend", settings.executor)
    if settings.num_workers > 1:  # vLLM binds each to a NUMA node of its own, or gives up
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, num_cores // settings.num_workers)))
    if (asked or ("uni" if is_alone else "mp")) != "uni":
        return args
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    # vLLM binds threads to cores only in worker processes; more threads than cores crawl.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, num_cores - 1)))
    return args | {"distributed_executor_backend": "uni"}


def choose_dtype(dtype: str, folder: Path, quantization: str | None = None, *, is_cpu: bool) -> str:
    """Settle "auto": float32 for a float32 checkpoint and for a CPU that has no bfloat16.

    But not where the weights are quantised in a way that does not compute in float32.
    """
    if dtype != "auto":
        return dtype
    config = json.loads((folder / "config.json").read_text("utf-8"))
    method = quantization or (config.get("quantization_config") or {}).get("quant_method")
    if method is not None and method not in FLOAT32_METHODS:
        return "auto"
    if config.get("dtype", config.get("torch_dtype")) == "float32":
        return "float32"
    return "float32" if is_cpu and not _cpu_has_bfloat16() else "auto"


def _cpu_has_bfloat16() -> bool:
    """Whether the processor's flags name bfloat16 arithmetic (false where they are not told)."""
    if not CPU_INFO.is_file():
        return False
    for line in CPU_INFO.read_text("utf-8", errors="replace").splitlines():
        if line.startswith(("flags", "Features")):
            return bool(BFLOAT16_FLAGS & set(line.split()))
    return False
