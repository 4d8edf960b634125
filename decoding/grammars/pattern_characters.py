"""The characters of a pattern: literals, escapes and classes, as sets of code points."""

from __future__ import annotations

from typing import Final

from decoding.grammars.grammar import GrammarError, Ranges, inverted, merged

MAX_PATTERN = 65_536
LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
DIGITS: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: Ranges = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
NAMED_SETS = {
    "d": DIGITS,
    "D": inverted(DIGITS),
    "w": WORD,
    "W": inverted(WORD),
    "s": SPACE,
    "S": inverted(SPACE),
}
NAMED_CHARACTERS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
DIGIT_CHARACTERS = frozenset("0123456789")
HEX = frozenset("0123456789abcdefABCDEF")


class Characters:
    """A cursor over a pattern that reads one character or set at a time; one per pattern."""

    def __init__(self, pattern: str) -> None:
        """Begin at the first character."""
        if len(pattern) > MAX_PATTERN:
            raise GrammarError(
                f"expected a pattern of at most {MAX_PATTERN:,} characters, "
                f"this one has {len(pattern):,}: shorten it"
            )
        self.pattern: Final = pattern
        self.at = 0

    def error(self, message: str, at: int | None = None) -> GrammarError:
        """Return an error that names the position, by default the present one."""
        position = self.at if at is None else at
        return GrammarError(f"pattern, position {position}: {message}")

    def peek(self, text: str) -> bool:
        """Whether `text` comes next."""
        return self.pattern.startswith(text, self.at)

    def take(self, text: str) -> bool:
        """Read `text` if it comes next."""
        if not self.peek(text):
            return False
        self.at += len(text)
        return True

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.pattern)

    def read(self) -> str:
        if self.is_at_end:
            raise self.error("expected a character, the pattern ends")
        self.at += 1
        return self.pattern[self.at - 1]

    def read_set(self) -> Ranges:
        """Read a literal, `.`, an escape or a class."""
        start = self.at
        match self.read():
            case ".":
                return inverted(LINE_ENDS)
            case "[":
                return self._read_class(start)
            case "\\":
                return self._read_escape(start)
            case character:
                return self._one(ord(character), start)

    def _one(self, code: int, start: int) -> Ranges:
        if 0xD800 <= code <= 0xDFFF:
            raise self.error(
                f"expected a character, came the half surrogate U+{code:04X}: "
                "write both halves or the character itself",
                start,
            )
        return ((code, code),)

    def _read_escape(self, start: int, *, in_class: bool = False) -> Ranges:
        letter = self.read()
        if letter in NAMED_SETS:
            return NAMED_SETS[letter]
        if letter in NAMED_CHARACTERS:
            return self._one(NAMED_CHARACTERS[letter], start)
        if letter == "b" and in_class:
            return self._one(0x08, start)
        if letter == "0" and self.pattern[self.at : self.at + 1] not in DIGIT_CHARACTERS:
            return self._one(0, start)
        if letter == "x":
            return self._one(self._read_hex(2), start)
        if letter == "u":
            return self._one(self._read_code_point(), start)
        if letter.isascii() and letter.isalnum():
            raise self.error(_refusal(letter), start)
        return self._one(ord(letter), start)

    def _read_hex(self, count: int) -> int:
        digits = self.pattern[self.at : self.at + count]
        if len(digits) < count or not HEX.issuperset(digits):
            raise self.error(f"expected {count} hexadecimal digits, came {digits!r}")
        self.at += count
        return int(digits, 16)

    def _read_code_point(self) -> int:
        r"""Read what follows `\u`: four digits, a surrogate pair, or braces."""
        if self.take("{"):
            end = self.pattern.find("}", self.at, self.at + 9)
            code = self._read_hex(max(end - self.at, 1))
            if code > 0x10FFFF or not self.take("}"):
                raise self.error("expected a code point up to 10FFFF and a closing brace")
            return code
        high = self._read_hex(4)
        if 0xD800 <= high < 0xDC00 and self.take("\\u"):
            low = self._read_hex(4)
            if not 0xDC00 <= low <= 0xDFFF:
                raise self.error(f"expected the low half of a surrogate pair, came U+{low:04X}")
            return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        return high

    def _read_class(self, start: int) -> Ranges:
        """Read a class after its opening bracket."""
        is_negated = self.take("^")
        if self.peek("]"):
            raise self.error("expected a character of the class; escape a `]` that is meant so")
        ranges: list[tuple[int, int]] = []
        while not self.take("]"):
            if self.is_at_end:
                raise self.error("expected a closing `]` for this bracket", start)
            ranges.extend(self._read_range())
        return inverted(tuple(ranges)) if is_negated else merged(tuple(ranges))

    def _read_range(self) -> Ranges:
        """Read one member of a class: a character, a named set, or a range."""
        start = self.at
        low = self._read_member()
        if not self.peek("-") or self.peek("-]"):
            return low
        self.at += 1
        high = self._read_member()
        if not _is_one(low) or not _is_one(high) or low[0][0] > high[0][0]:
            raise self.error(
                f"expected a range from a lower to a higher character, "
                f"came {self.pattern[start : self.at]!r}: escape a `-` that is meant so",
                start,
            )
        return ((low[0][0], high[0][0]),)

    def _read_member(self) -> Ranges:
        start = self.at
        for meaning in ("[:", "&&", "~~"):
            if self.peek(meaning):
                raise self.error(
                    f"{meaning!r} in a class means different things in different dialects: "
                    "escape its characters or write the set out"
                )
        character = self.read()
        if character == "\\":
            return self._read_escape(start, in_class=True)
        return self._one(ord(character), start)


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _refusal(letter: str) -> str:
    if letter.isdigit():
        return f"back-references and octal escapes (\\{letter}) are not supported: write it out"
    if letter in "bB":
        return f"word boundaries (\\{letter}) are not supported: write the neighbours out"
    if letter in "pP":
        return f"Unicode properties (\\{letter}) are not supported: write a class such as [A-Za-z]"
    return f"unknown escape \\{letter}: expected one of dDwWsStnrfv0xu or a punctuation character"
