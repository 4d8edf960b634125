"""How a text is shown to a judge: readable, and unable to leave its quotation.

Every line begins with a mark of the prompt's own (`A| `), whatever a reader takes for a line break;
characters that cannot be seen are written out; a tag that some model's template might read as its
control token has an invisible joiner after its first character. What is quoted can then neither
end its block nor state a verdict nor speak as another party, except to a judge that believes what
it reads: that is what the constant answers of the tests are for.
"""

from __future__ import annotations

import re
import unicodedata

MAX_CHARS = 40_000  # of one text; a longer one is cut, and the judge is told
LINE_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
JOINER = "\u2060"  # WORD JOINER: no width, no break
# joiners and selectors that emoji and scripts need; alone they say nothing
KEPT = frozenset("\t\u200c\u200d\ufe0e\ufe0f")
UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs"})
SELECTORS = re.compile("[\ufe00-\ufe0d\U000e0100-\U000e01ef]")  # can spell out hidden text
_LESS, _MORE, _BAR = "<\uff1c\ufe64", ">\uff1e\ufe65", "|\uff5c"
_TAG = re.compile(
    f"[{_LESS}](?=[{_LESS}/{_BAR}]{{0,3}}[^\\s0-9{_LESS}{_MORE}=][^{_LESS}{_MORE}]{{0,60}}[{_MORE}])"
    r"|[\[\uff3b](?=/?[A-Za-z_]{3,30}[\]\uff3d])"
)


def quote(text: str, mark: str, max_chars: int = MAX_CHARS) -> str:
    """Return the text with `mark| ` before every line."""
    shown = text[:max_chars]
    lines = [_line(line, mark) for line in LINE_BREAKS.split(shown)]
    if not shown.strip():
        lines = [f"({mark} is empty)"]
    if len(text) > max_chars:
        lines.append(f"({mark} goes on; {len(text) - max_chars:,} characters are not shown)")
    return "\n".join(lines)


def _line(line: str, mark: str) -> str:
    return f"{mark}| {_plain(line)}" if line else f"{mark}|"


def _plain(line: str) -> str:
    if not line.isprintable() or SELECTORS.search(line):
        line = "".join(char if _is_seen(char) else f"\\u{{{ord(char):X}}}" for char in line)
    return _TAG.sub(lambda found: found.group() + JOINER, line)


def _is_seen(char: str) -> bool:
    if SELECTORS.match(char):
        return False
    return char in KEPT or unicodedata.category(char) not in UNSEEN
