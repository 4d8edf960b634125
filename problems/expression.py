"""Expression: integers, + - * and brackets, the form of an answer to a countdown puzzle."""

from __future__ import annotations

import ast
import operator
import re

MAX_LENGTH = 64
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def evaluate(expression: str) -> int | None:
    """Return the value of an expression of integers, + - * and brackets; None for anything else."""
    found = _parse(expression)
    return None if found is None else found[1]


def shortest(expression: str) -> str | None:
    """Return it without blanks and idle brackets; None for what `evaluate` does not know."""
    found = _parse(expression)
    return None if found is None else ast.unparse(found[0]).replace(" ", "")


def _parse(expression: str) -> tuple[ast.expr, int] | None:
    text = expression.strip()
    if len(text) > MAX_LENGTH or not re.fullmatch(r"[\d\s()+*-]+", text):
        return None
    try:
        tree = ast.parse(text, mode="eval").body
        return tree, _value(tree)
    except (SyntaxError, ValueError, TypeError):
        return None


def _value(node: ast.expr) -> int:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return int(_OPERATORS[type(node.op)](_value(node.left), _value(node.right)))
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    raise ValueError(f"{type(node).__name__} is not part of an answer")
