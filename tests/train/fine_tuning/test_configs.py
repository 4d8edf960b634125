"""The shipped configurations, read by accelerate's own launcher as it would for a run."""

from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.launch import (
    _validate_launch_command,
    launch_command_parser,
    prepare_multi_gpu_env,
)
from accelerate.utils import FullyShardedDataParallelPlugin
from torch.distributed.fsdp import CPUOffloadPolicy

import train.fine_tuning
from train.config import load_config
from train.fine_tuning.arguments import checkpoints_gradients, num_micro_batches
from train.fine_tuning.settings import Sft

CONFIGS = Path(train.fine_tuning.__path__[0]) / "configs"


def launched(name: str) -> Any:
    """Return the launcher's arguments, all names of the file known to it."""
    given = ["--config_file", str(CONFIGS / name), "-m", "train", "sft"]
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(given))
    return arguments


@pytest.mark.parametrize(
    ("name", "machines", "processes", "is_offloaded"),
    [("fsdp2_8b.yaml", 1, 8, False), ("fsdp2_70b.yaml", 2, 16, True)],
)
def test_the_launcher_makes_of_it_what_it_says(
    name: str, machines: int, processes: int, is_offloaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = launched(name)
    assert (arguments.num_machines, arguments.num_processes) == (machines, processes)
    assert arguments.use_fsdp
    environment = prepare_multi_gpu_env(arguments)
    assert environment["ACCELERATE_MIXED_PRECISION"] == "bf16"
    for key, value in environment.items():
        if key.startswith("FSDP_"):
            monkeypatch.setenv(key, value)
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.activation_checkpointing
    assert plugin.cpu_ram_efficient_loading
    assert isinstance(plugin.cpu_offload, CPUOffloadPolicy) is is_offloaded
    assert "SHARDED" in str(plugin.state_dict_type)
    assert plugin.auto_wrap_policy is not None
    assert not checkpoints_gradients(Sft(gradient_checkpointing="on"))


@pytest.mark.parametrize(("processes", "changes"), [(8, ()), (16, ("sft.micro_batch=1",))])
def test_the_recipe_of_the_papers_fits_the_processes(
    processes: int, changes: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "run.toml"
    file.write_text('run = {name = "big", dir = "big"}', "utf-8")
    settings = load_config(file, changes).sft
    count = num_micro_batches(settings, processes)
    assert count * settings.micro_batch * processes == settings.batch == 128
