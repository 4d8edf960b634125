"""Template: how a question stands before its response in the student's prompt.

The markers are those of the formats of these names (FastChat's conversation v1.1; Stanford Alpaca;
WizardLM); the sentence before them is in our words unless `score.preamble` gives another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from train.scoring.controls import Controls
from train.scoring.settings import Score

VICUNA = "A user talks to an AI assistant, whose answers are helpful, polite and complete."
ALPACA = "A task follows. Write the response that fulfils it."
ALPACA_INPUT = "A task follows, and the input that it is about. Write the response that fulfils it."

DAY = date(2024, 7, 26)  # the one that Llama 3's template has for those who tell none
TASK, RESPONSE = "\n\n### Instruction:\n", "\n\n### Response:"


class Template(Protocol):
    """What scoring asks of a template.

    lead: what stands between a context and its target and is tokenized with the target
    glue: what stands between an instruction and its input where they are one text
    """

    @property
    def lead(self) -> str: ...
    @property
    def glue(self) -> str: ...
    def ask(self, instruction: str, given: str = "") -> str:
        """Return the prompt up to where the assistant starts; given: the instruction's input."""
        ...


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A template of plain text; `input_marker` "" makes instruction and input one text."""

    before: str
    after: str
    lead: str = ""
    glue: str = "\n\n"
    before_input: str = ""
    input_marker: str = ""

    def ask(self, instruction: str, given: str = "") -> str:
        if given and self.input_marker:
            return f"{self.before_input}{instruction}{self.input_marker}{given}{self.after}"
        question = join(instruction, given, self.glue)
        return f"{self.before}{question}{self.after}"


@dataclass(frozen=True)
class ChatTemplate:
    """The chat template of a model's own tokenizer; to one that asks for the day it is DAY.

    hides: data can spell no control token
    """

    tokenizer: Any
    lead: str = ""
    glue: str = "\n\n"
    hides: bool = True

    @cached_property
    def _controls(self) -> Controls:
        return Controls.of(self.tokenizer)

    def ask(self, instruction: str, given: str = "") -> str:
        content = join(instruction, given, self.glue)
        content = self._controls.hide(content) if self.hides else content
        turn = {"role": "user", "content": content}
        rendered = self.tokenizer.apply_chat_template(
            [turn],
            tokenize=False,
            add_generation_prompt=True,
            strftime_now=DAY.strftime,
            date_string=f"{DAY:%d %b %Y}",
        )
        return str(rendered)


def join(instruction: str, given: str, glue: str) -> str:
    """Return instruction and input as one text."""
    return f"{instruction}{glue}{given}" if given else instruction


def make_template(settings: Score, tokenizer: Any) -> Template:
    """Return the template that the settings name.

    Faithful has no space behind `ASSISTANT:`, and none between an instruction and its input.
    """
    is_exact = settings.mode == "exact"
    glue = "\n\n" if is_exact else ""
    match settings.template:
        case "chat":
            return ChatTemplate(tokenizer, glue=glue, hides=is_exact)
        case "wizardlm":
            return TextTemplate("", RESPONSE, glue=glue)
        case "vicuna":
            before = f"{settings.preamble or VICUNA} USER: "
            return TextTemplate(before, " ASSISTANT:", lead=" " if is_exact else "", glue=glue)
        case "alpaca":
            return TextTemplate(
                before=f"{settings.preamble or ALPACA}{TASK}",
                after=RESPONSE,
                glue=glue,
                before_input=f"{settings.preamble or ALPACA_INPUT}{TASK}",
                input_marker="\n\n### Input:\n",
            )
