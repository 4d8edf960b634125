import pytest

from tests.train.scoring.students import make_tokenizer
from train.scoring.settings import Score
from train.scoring.templates import ALPACA, ALPACA_INPUT, VICUNA, make_template


@pytest.mark.parametrize(
    ("name", "without", "given"),
    [
        ("vicuna", f"{VICUNA} USER: Add. ASSISTANT:", f"{VICUNA} USER: Add.\n\n1, 2 ASSISTANT:"),
        (
            "alpaca",
            f"{ALPACA}\n\n### Instruction:\nAdd.\n\n### Response:",
            f"{ALPACA_INPUT}\n\n### Instruction:\nAdd.\n\n### Input:\n1, 2\n\n### Response:",
        ),
        ("wizardlm", "Add.\n\n### Response:", "Add.\n\n1, 2\n\n### Response:"),
        (
            "chat",
            "<s>[user] Add.<|eot|>[assistant] ",
            "<s>[user] Add.\n\n1, 2<|eot|>[assistant] ",
        ),
    ],
)
def test_each_template_ends_where_the_assistant_starts(name: str, without: str, given: str) -> None:
    template = make_template(Score(template=name), make_tokenizer())  # type: ignore[arg-type]
    assert template.ask("Add.") == without
    assert template.ask("Add.", "1, 2") == given


@pytest.mark.parametrize("asked", ["strftime_now('%d %b %Y')", "date_string"])
def test_a_template_that_asks_for_the_day_is_told_the_same_one_every_day(asked: str) -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = f"{{{{ {asked} }}}}: {{{{ messages[0].content }}}}"
    assert make_template(Score(template="chat"), tokenizer).ask("Add.") == "26 Jul 2024: Add."


def test_the_preamble_is_replaced_by_the_users() -> None:
    assert (
        make_template(Score(preamble="Hello."), None).ask("Add.") == "Hello. USER: Add. ASSISTANT:"
    )
    alpaca = make_template(Score(template="alpaca", preamble="Hello."), None)
    assert alpaca.ask("Add.", "1").startswith("Hello.\n\n### Instruction:\nAdd.\n\n### Input:\n1")


def test_faithful_glues_instruction_and_input_and_has_no_space_before_the_response() -> None:
    template = make_template(Score(mode="faithful"), None)
    assert template.ask("Add.", "1, 2") == f"{VICUNA} USER: Add.1, 2 ASSISTANT:"
    assert (template.lead, make_template(Score(), None).lead) == ("", " ")
