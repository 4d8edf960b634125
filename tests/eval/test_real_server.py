"""The commands as a user types them, against the real server with the demo model."""

from pathlib import Path

import pytest

from eval.command import main
from eval.running.run_folder import RunFolder
from tests.conftest import MODELS, RealServer

pytestmark = pytest.mark.engine


def test_a_run_against_the_real_server_is_complete_and_verified(
    real_server: RealServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tasks = "word_problems,countdown"
    arguments = ["--base-url", real_server.base_url, "--limit", "40", "--seed", "1"]
    assert main(["run", tasks, *arguments, "--out", str(tmp_path / "set")]) == 0
    printed = capfd.readouterr().out
    for task, least in (("word_problems", 0.9), ("countdown", 0.6)):
        run = RunFolder(tmp_path / "set" / task / "demo")
        manifest = run.manifest
        assert manifest["counts"]["ok"] == manifest["counts"]["n"] == 40
        assert manifest["counts"]["empty"] == 0
        assert manifest["scores"]["robust"]["value"] >= least
        assert manifest["reflections"] == "not available"
        assert len(manifest["system_fingerprints"]) == 1
        assert f"{task} · demo · n = 40" in printed
        assert manifest["digest"][:16] in printed
        thinking = [sample.turns[0].num_thinking_tokens for sample in run.samples().values()]
        assert all(count is not None and count > 0 for count in thinking)
        assert main(["verify", str(run.path)]) == 0
    report = tmp_path / "report.html"
    assert main(["report", str(tmp_path / "set"), "--out", str(report)]) == 0
    assert "word_problems" in report.read_text()


def test_reasoning_that_the_server_hides_is_refused_with_what_to_do(
    real_server: RealServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--base-url", real_server.base_url, "--limit", "4", "--out", str(tmp_path)]
    assert main(["run", "countdown", *arguments, "--show-reasoning"]) == 65
    assert "--reasoning visible" in capfd.readouterr().err


def test_a_folder_is_served_for_the_time_of_its_run(
    real_server: RealServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(MODELS / "demo"), "--limit", "40", "--out", str(tmp_path)]
    assert main(["run", "countdown", *arguments, "--show-reasoning"]) == 0
    assert "the server is ready after" in capfd.readouterr().err
    manifest = RunFolder(tmp_path / "countdown" / "demo").manifest
    figures = manifest["reflections"]
    assert figures["shown"] == figures["replies"] == 40
    assert figures["format_valid"]["value"] == 1.0
    assert figures["with_reflection"]["k"] > 0
