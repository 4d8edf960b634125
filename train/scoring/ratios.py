"""IFD and r-IFD: how much a context helps the student to predict a text.

"Selective Reflection-Tuning" (arXiv 2402.10110), section 3. IFD = ppl(y | T(x)) / ppl(y) tells how
little an instruction helps with its response: high is difficult. r-IFD = ppl(x | T(y')) / ppl(x),
where y' asks which instruction a response answers: low is well matched. From 1 on the context
makes its target less likely: they do not belong together.
"""

from __future__ import annotations

from train.scoring.target import Likelihood, Target, finite_exp
from train.scoring.templates import Template, join

GUESS = "Read this response.\n\n{response}\n\nWrite the instruction that it was given for."


def ifd_targets(
    key: str, question: str, response: str, template: Template, given: str = ""
) -> tuple[Target, Target]:
    """Return the response under its question, and alone; `given` is the question's input."""
    context = template.ask(question, given)
    return _pair((f"{key}/y|x", f"{key}/y"), context, response, template)


def rifd_targets(
    key: str, question: str, response: str, template: Template, given: str = ""
) -> tuple[Target, Target]:
    """Return the question, its input behind it, under the request to guess it, and alone."""
    context = template.ask(GUESS.replace("{response}", response))
    target = join(question, given, template.glue)
    return _pair((f"{key}/x|y", f"{key}/x"), context, target, template)


def _pair(
    keys: tuple[str, str], context: str, target: str, template: Template
) -> tuple[Target, Target]:
    text = template.lead + target if target.strip() else ""
    return Target(keys[0], context, text), Target(keys[1], "", text, beside=context)


def ratio(conditional: Likelihood, unconditional: Likelihood) -> float | None:
    """Return ppl(target | context) / ppl(target); None unless both are ok and it is finite."""
    under, alone = conditional.mean_nll, unconditional.mean_nll
    if under is None or alone is None:
        return None
    return finite_exp(under - alone)
