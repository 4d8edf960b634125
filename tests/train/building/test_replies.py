import json
from pathlib import Path
from typing import Any

import pytest

from decoding.format import Reply, ReplyFormat
from train.building.replies import Replies, output, read_original, read_recycled
from train.errors import DataError
from train.segments import Kind

FORMAT = ReplyFormat(is_thinking_optional=True)


def texts(name: str) -> dict[str, str]:
    return {"instruction": f"ask {name}", "input": "", "response": f"say {name}"}


def row(outcome: str, is_kept: bool = True, criticism: str = "Too short.") -> dict[str, Any]:
    """Return a line of recycled.jsonl whose variants say their names."""
    chosen = "original" if outcome == "none" else outcome
    return {
        "id": f"id of {outcome}",
        "source": "file.jsonl",
        "split": "holdout",
        "kept": is_kept,
        "outcome": outcome,
        "final": texts(chosen),
        "variants": {name: texts(name) for name in ("original", "instruction", chosen)},
        "calls": {"response": {"criticism": criticism}, "both": {"criticism": criticism}},
    }


def read(folder: Path, replies: Replies, *rows: dict[str, Any]) -> list[tuple[str, str]]:
    (folder / "recycled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [(one.question, one.reply) for one in read_recycled(folder, replies, FORMAT)]


def test_a_sample_as_it_was_read_is_an_answer_alone(tmp_path: Path) -> None:
    line = {"id": "a", "source": "f", "split": "train", **texts("it"), "input": "this"}
    (tmp_path / "samples.jsonl").write_text(json.dumps(line) + "\n")
    (one,) = read_original(tmp_path, FORMAT)
    assert (one.id, one.source, one.split) == ("a", "f", "train")
    assert (one.question, one.reply) == ("ask it\n\nthis", "<output>say it</output>")


@pytest.mark.parametrize("outcome", ["both", "instruction", "response", "none"])
def test_a_recycled_sample_is_what_was_chosen(tmp_path: Path, outcome: str) -> None:
    ((question, reply),) = read(tmp_path, "output", row(outcome))
    name = "original" if outcome == "none" else outcome
    assert (question, reply) == (f"ask {name}", f"<output>say {name}</output>")


def test_what_is_not_kept_is_not_taught(tmp_path: Path) -> None:
    assert read(tmp_path, "output", row("both", is_kept=False), row("none")) == [
        ("ask original", "<output>say original</output>")
    ]


@pytest.mark.parametrize(("outcome", "draft"), [("response", "original"), ("both", "instruction")])
def test_a_reflected_response_shows_what_was_wrong_with_which_draft(
    tmp_path: Path, outcome: str, draft: str
) -> None:
    ((question, reply),) = read(tmp_path, "reflection", row(outcome))
    assert question == f"ask {outcome}"
    assert reply == (
        f"<thinking>\nsay {draft}\n<reflection>Too short.</reflection>\n</thinking>\n"
        f"<output>say {outcome}</output>"
    )
    Reply.parse(reply, FORMAT)
    (one,) = read_recycled(tmp_path, "reflection", FORMAT)
    assert [s.text for s in one.segments if not s.loss] == [f"say {draft}\n"]
    assert {s.kind for s in one.segments if not s.loss} == {Kind.WRONG}


def test_without_a_reflected_response_or_a_criticism_there_is_the_answer_alone(
    tmp_path: Path,
) -> None:
    rows = row("instruction"), row("none"), row("response", criticism=" ")
    replies = [reply for _, reply in read(tmp_path, "reflection", *rows)]
    names = ("instruction", "original", "response")
    assert replies == [f"<output>say {name}</output>" for name in names]


def test_blanks_around_an_answer_are_dropped_and_those_inside_stay() -> None:
    assert output("\n a\n\n b \n", FORMAT).text == "<output>a\n\n b</output>"


@pytest.mark.parametrize("name", ["samples", "recycled"])
def test_where_the_samples_are_missing_the_error_names_the_command(
    tmp_path: Path, name: str
) -> None:
    read = read_original(tmp_path, FORMAT)
    if name == "recycled":
        read = read_recycled(tmp_path, "output", FORMAT)
    with pytest.raises(DataError, match=f"{name}.jsonl: `reflect train recycle` writes it"):
        list(read)
