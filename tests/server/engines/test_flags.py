"""vLLM's engine arguments are taken as its own parser reads them, but for some."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import flags
from server.engines.flags import REFUSED, FlagError, check

pytest.importorskip("vllm", reason="vLLM is not installed")

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("_environment_put_back")]


def refusal(line: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        flags.parse(line)
    assert stop.value.code == 2
    return capsys.readouterr().err.partition("error: ")[2]


def test_what_was_given_reaches_the_engine_and_nothing_else() -> None:
    line = "--tensor-parallel-size 8 -pp 2 --distributed-executor-backend ray demo --port 9000"
    said = flags.parse([*line.split(), "--enable_prefix_caching", "--kv-cache-dtype=fp8"])
    assert said.folder == "demo"
    assert said.port == 9000
    assert said.engine == {
        "tensor_parallel_size": 8,
        "pipeline_parallel_size": 2,
        "distributed_executor_backend": "ray",
        "enable_prefix_caching": True,
        "kv_cache_dtype": "fp8",
    }


def test_objects_may_be_given_as_json_or_by_their_parts() -> None:
    drafts = {"method": "ngram", "num_speculative_tokens": 3}
    parts = [f"--speculative-config.{name}={value}" for name, value in drafts.items()]
    text = '{"method": "ngram", "num_speculative_tokens": 3}'
    for line in (["--speculative-config", text], parts):
        assert flags.parse(["demo", *line]).engine == {"speculative_config": drafts}


def test_of_a_flag_that_both_have_ours_is_meant() -> None:
    line = "demo -tp 2 --max-model-len 4096 --dtype float16 --log-level debug --max-num-seqs 8"
    said = flags.parse(line.split())
    assert (said.max_model_len, said.dtype, said.log_level) == (4096, "float16", "debug")
    assert said.max_num_seqs == 8
    assert said.engine == {"tensor_parallel_size": 2}
    share = flags.parse(["demo", "-tp", "2", "--gpu-memory-utilization", "0.5"])
    assert share.gpu_memory == 0.5


def test_what_was_not_given_has_our_default_beside_vllms_flags() -> None:
    assert vars(flags.parse(["demo", "-tp", "2"])) == vars(flags.parse(["demo"])) | {
        "engine": {"tensor_parallel_size": 2}
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--tensor-paralel-size 8 demo", ["--tensor-paralel-size", "--tensor-parallel-size"]),
        ("demo --tensor-parallel-size many", ["--tensor-parallel-size", "many"]),
        ("demo --kv-cache-dtype fp7", ["--kv-cache-dtype", "fp8"]),
        ("demo --speculative-config {", ["--speculative-config"]),
        ("demo --no-such-thing-at-all", ["--no-such-thing-at-all"]),
        ("-tp 8", ["FOLDER_OR_NAME"]),
        ("demo -tp 8 --port 99x", ["--port"]),
    ],
)
def test_what_vllm_does_not_take_is_refused_by_name(
    line: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    error = refusal(line.split(), capsys)
    assert all(word in error for word in words), error


def test_what_is_like_no_flag_gets_no_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean" not in refusal(["demo", "--qqq"], capsys)


@pytest.mark.parametrize(
    "line",
    [
        "--logits-processors a.b:C",
        "--enable-log-requests",
        "--skip-tokenizer-init",
        "--no-skip-tokenizer-init",
        "--reasoning-parser deepseek_r1",
        "--structured-outputs-config.backend outlines",
        "--model other",
    ],
)
def test_what_would_break_a_promise_is_refused_with_the_reason(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = line.split(maxsplit=1)[0].partition(".")[0].replace("--no-", "--")
    error = refusal(["demo", *line.split()], capsys)
    assert error.strip() == f"{flag} cannot be given: {REFUSED[flag[2:].replace('-', '_')]}"


def test_a_configuration_file_cannot_bring_in_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "vllm.yaml"
    file.write_text("tensor-parallel-size: 2\nlogits-processors: ['a.b:C']\n")
    assert "--logits-processors" in refusal(["demo", "--config", str(file)], capsys)
    file.write_text("tensor-parallel-size: 2\n")
    said = flags.parse(["demo", "--config", str(file)])
    assert said.engine == {"tensor_parallel_size": 2}


def test_every_refused_argument_is_one_of_vllms() -> None:
    from vllm import AsyncEngineArgs

    assert REFUSED.keys() <= AsyncEngineArgs.__dataclass_fields__.keys() | {"enable_log_requests"}


def test_logprobs_that_requests_ask_for_are_left_room() -> None:
    for enough in (-1, 20, 50):
        check({"max_logprobs": enough})
    with pytest.raises(FlagError, match="at least 20"):
        check({"max_logprobs": 5})


def test_drafts_that_the_model_is_not_asked_about_are_refused() -> None:
    check({"speculative_config": {"method": "ngram", "num_speculative_tokens": 2}})
    with pytest.raises(FlagError, match="synthetic"):
        check({"speculative_config": {"rejection_sample_method": "synthetic"}})
