from pathlib import Path

from tests.train.reports.made_up_run import made_up_run
from train.reports.material import read_material
from train.reports.provenance import provenance


def test_commands_hashes_and_configuration_are_told(tmp_path: Path) -> None:
    config = made_up_run(tmp_path, n=5)
    told = provenance(read_material(config), "my run.toml", ["run.seed=2", "data.sources=[{}]"])
    arguments = "-c 'my run.toml' run.seed=2 'data.sources=[{}]'"
    assert told["commands"].splitlines() == [
        f"reflect train {stage} {arguments}" for stage in ("recycle", "build", "sft", "report")
    ]
    assert ("configuration, now", config.sha256) in told["hashes"]
    assert ("built.json: template sha256", "ab" * 32) in told["hashes"]
    assert ("price read", "3") in told["config"]["teacher"]
