"""A step of enforcement as two Triton kernels, the same to the bit as DeviceMatcher's tensors.

`_judge_rows`, one program for each request: its cursor takes what was committed, then each of its
rows gets the classes that may come next. `_mask_logits`, one program for each row and block of
the vocabulary, applies them. Nothing waits for the host, and no row costs a launch.
"""

# Triton's compiler knows no annotations but constexpr.
# mypy: disable-error-code="untyped-decorator,no-untyped-def,no-untyped-call"

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton  # type: ignore[import-not-found, import-untyped, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, import-untyped, unused-ignore]

from decoding.adapters import arena as tables
from decoding.adapters.admission import HUGE
from decoding.distances import FAR

if TYPE_CHECKING:
    from decoding.adapters.arena import Arena
    from decoding.adapters.device_matcher import Replies, Step

CLASS_BLOCK, TOKEN_BLOCK = 512, 4096

# What a kernel reads of its module must be constexpr.
_INFO = tl.constexpr(len(tables.Info))
_TOKENS, _CELLS, _EVENTS, _KINDS, _DISTANCES, _SHORTEST = (
    tl.constexpr(int(column)) for column in list(tables.Info)[:6]
)
_NUM_STATES, _NUM_CLASSES, _NUM_EVENTFUL, _DONE, _STOP_CLASS = (
    tl.constexpr(int(column)) for column in list(tables.Info)[6:]
)
_THINKS, _INSIDE = tl.constexpr(tables.THINKS), tl.constexpr(tables.INSIDE)
_CLOSING = tl.constexpr(tables.CLOSING)
_NEEDS, _FAR = tl.constexpr(tables.NEEDS), tl.constexpr(FAR)
_HUGE = tl.constexpr(HUGE)
_COLUMNS = tl.constexpr(10)  # of a cursor with its slot
_FREE, _BROKEN = tl.constexpr(-1), tl.constexpr(-2)
_NOTES = tl.constexpr(3)  # of a row: its tokens' classes, a shortest token, its finished blocks
_ALIVE = tl.constexpr(1 << 16)  # counts blocks with something finite, above the finished ones


def enforce(
    arena: Arena,
    logits: torch.Tensor,
    replies: Replies,
    step: Step,
    class_block: int = CLASS_BLOCK,
    token_block: int = TOKEN_BLOCK,
) -> None:
    """Take what was committed, and mask each row after the drafts up to it, in place.

    logits: (rows, vocab) float, contiguous rows; the blocks are powers of 2.
    """
    num_rows = len(logits)
    if not num_rows:
        return
    legal = torch.empty(num_rows, arena.num_classes, dtype=torch.int8, device=logits.device)
    notes = torch.empty(num_rows, _NOTES.value, dtype=torch.int32, device=logits.device)
    _judge_rows[(num_rows,)](
        replies.cursors, replies.scanned, replies.token_ids, replies.token_ids.stride(0),
        replies.total, step.requests, step.offsets, step.input_ids, num_rows, arena.vocab_size,
        arena.info, arena.tokens.data, arena.cells.data, arena.events.data, arena.kinds.data,
        arena.distances.data, arena.shortest.data, arena.sentence,
        legal, legal.stride(0), notes, block=class_block,
    )  # fmt: skip
    num_blocks = triton.cdiv(arena.vocab_size, token_block)
    _mask_logits[(num_rows, num_blocks)](
        logits, logits.stride(0), arena.tokens.data, legal, legal.stride(0), notes,
        arena.vocab_size, num_blocks, block=token_block,
    )  # fmt: skip


@triton.jit(
    do_not_specialize=["token_ids_stride", "num_rows", "legal_stride"],
    do_not_specialize_on_alignment=["requests", "offsets", "input_ids"],
)
def _judge_rows(
    cursors, scanned, token_ids, token_ids_stride,
    total, requests, offsets, input_ids, num_rows, vocab_size,
    info, tokens, cells, events, kinds,
    distances, shortest, sentence,
    legal, legal_stride, notes, block: tl.constexpr,
):  # fmt: skip
    """Do all rows of the request whose first row this is."""
    row = tl.program_id(0)
    if tl.load(offsets + row) != 0:
        return
    request = tl.load(requests + row).to(tl.int64)
    cursor = cursors + request * _COLUMNS
    state = tl.load(cursor)
    need = tl.load(cursor + 1)
    left = tl.load(cursor + 2)
    budget = tl.load(cursor + 3)
    thinking = tl.load(cursor + 4)
    due = tl.load(cursor + 5)
    winding = tl.load(cursor + 6)
    reserve = tl.load(cursor + 7)
    soft = tl.load(cursor + 8)
    slot = info + tl.load(cursor + 9) * _INFO
    slot_tokens = tokens + tl.load(slot + _TOKENS)
    if state != _FREE:
        sequence = token_ids + request * token_ids_stride
        end = tl.load(total + request)
        for index in range(tl.load(scanned + request), end):
            state, need, left, budget, thinking, due, winding = _advance(
                state, need, left, budget, thinking, due, winding, reserve, soft,
                tl.load(sequence + index), vocab_size,
                slot, slot_tokens, cells, events, kinds, sentence,
            )  # fmt: skip
        tl.store(cursor, state)
        tl.store(cursor + 1, need)
        tl.store(cursor + 2, left)
        tl.store(cursor + 3, budget)
        tl.store(cursor + 4, thinking)
        tl.store(cursor + 5, due)
        tl.store(cursor + 6, winding)
        tl.store(scanned + request, end)
    place = 0
    is_mine = True
    while is_mine:
        if place > 0:
            state, need, left, budget, thinking, due, winding = _advance(
                state, need, left, budget, thinking, due, winding, reserve, soft,
                tl.load(input_ids + row + place), vocab_size,
                slot, slot_tokens, cells, events, kinds, sentence,
            )  # fmt: skip
        note = notes + (row + place) * _NOTES
        if state == _FREE:
            tl.store(note, -1)
        else:
            best = _judge(
                state, need, left, budget, thinking, due, winding, reserve,
                slot, cells, events, kinds, distances,
                legal + (row + place).to(tl.int64) * legal_stride, block,
            )  # fmt: skip
            tl.store(note, tl.load(slot + _TOKENS))
            tl.store(note + 1, tl.load(shortest + tl.load(slot + _SHORTEST) + best))
            tl.store(note + 2, 0)
        place += 1
        is_mine = tl.load(offsets + row + place, mask=row + place < num_rows, other=0) == place


@triton.jit
def _advance(
    state, need, left, budget, thinking, due, winding,
    reserve, soft, token_id, vocab_size,
    slot, slot_tokens, cells, events, kinds, sentence,
):  # fmt: skip
    """Return the cursor after a token; an illegal one breaks it, and leaves the rest as it was."""
    is_known = (token_id >= 0) & (token_id < vocab_size)
    token_id = tl.where(is_known, token_id, 0)
    at = tl.maximum(state, 0)
    cell = at * tl.load(slot + _NUM_CLASSES) + tl.load(slot_tokens + token_id).to(tl.int32)
    after = tl.load(cells + tl.load(slot + _CELLS) + cell).to(tl.int32)
    is_legal = is_known & (state >= 0) & (after >= 0)
    event = tl.load(
        events + tl.load(slot + _EVENTS) + cell, mask=at < tl.load(slot + _NUM_EVENTFUL), other=0
    ).to(tl.int32)
    opens = tl.maximum(event, 0)
    kind = kinds + tl.load(slot + _KINDS)
    thought = tl.load(kind + at).to(tl.int32) & _THINKS
    thinks = tl.load(kind + tl.maximum(after, 0)).to(tl.int32) & _THINKS
    is_near = tl.minimum(thinking - thought, budget - 1 - reserve) <= soft
    ends = (soft > 0) & is_near & (tl.load(sentence + token_id) != 0) & (thinks != 0)
    rest = tl.where(state == _FREE, _FREE, _BROKEN)
    return (
        tl.where(is_legal, after, rest),
        tl.where(is_legal, tl.maximum(need - opens, 0), need),
        tl.where(is_legal, left - opens, left),
        tl.where(is_legal, budget - 1, budget),
        tl.where(is_legal, thinking - thought, thinking),
        tl.where(is_legal, tl.maximum(due - 1, 0), due),
        tl.where(is_legal & ends, 1, winding),
    )


@triton.jit
def _judge(
    state, need, left, budget, thinking, due, winding,
    reserve, slot, cells, events, kinds, distances,
    row_legal, block: tl.constexpr,
):  # fmt: skip
    """Write the legal classes of a row, and return the one on the shortest way.

    A first pass learns which wishes leave something, a second one writes.
    """
    num_classes = tl.load(slot + _NUM_CLASSES)
    some, out, late, both, quickest = 0, 0, 0, 0, 2 * _FAR
    for first in range(0, num_classes, block):
        ok, is_out, is_late, _, ways = _judge_block(
            first, state, need, left, budget, thinking, due, winding, reserve,
            slot, cells, events, kinds, distances, block,
        )  # fmt: skip
        some = tl.maximum(some, tl.max(ok.to(tl.int32), axis=0))
        out = tl.maximum(out, tl.max((ok & is_out).to(tl.int32), axis=0))
        late = tl.maximum(late, tl.max((ok & is_late).to(tl.int32), axis=0))
        both = tl.maximum(both, tl.max((ok & is_out & is_late).to(tl.int32), axis=0))
        quickest = tl.minimum(quickest, tl.min(ways, axis=0))
    late = tl.where(out > 0, both, late)
    is_over = (state == _BROKEN) | (state == tl.load(slot + _DONE))
    stop_class = tl.load(slot + _STOP_CLASS)
    least, best = 4 * _FAR, 0
    for first in range(0, num_classes, block):
        ok, is_out, is_late, finish, ways = _judge_block(
            first, state, need, left, budget, thinking, due, winding, reserve,
            slot, cells, events, kinds, distances, block,
        )  # fmt: skip
        ok = ok & (is_out | (out == 0)) & (is_late | (late == 0))
        ok = tl.where(some > 0, ok, ways == quickest)
        classes = first + tl.arange(0, block)
        ok = tl.where(is_over, classes == stop_class, ok)
        tl.store(row_legal + classes, ok.to(tl.int8), mask=classes < num_classes)
        costs = tl.where(ok & (classes < num_classes), finish, 2 * _FAR)
        cost = tl.min(costs, axis=0)
        best = tl.where(cost < least, first + tl.argmin(costs, axis=0), best)
        least = tl.minimum(cost, least)
    return best


@triton.jit
def _judge_block(
    first, state, need, left, budget, thinking, due,
    winding, reserve, slot, cells, events, kinds, distances,
    block: tl.constexpr,
):  # fmt: skip
    """Return (block,) each: legal, on its way out, not too early, least tokens, a quick way."""
    classes = first + tl.arange(0, block)
    num_classes, num_states = tl.load(slot + _NUM_CLASSES), tl.load(slot + _NUM_STATES)
    at = tl.maximum(state, 0)
    cell = at * num_classes + classes
    is_class = classes < num_classes
    after = tl.load(cells + tl.load(slot + _CELLS) + cell, mask=is_class, other=-1).to(tl.int32)
    has_arc = after >= 0
    after = tl.maximum(after, 0)
    num_eventful = tl.where(at < tl.load(slot + _NUM_EVENTFUL), num_classes, 0)
    event = tl.load(
        events + tl.load(slot + _EVENTS) + cell, mask=classes < num_eventful, other=0
    ).to(tl.int32)
    opens = tl.maximum(event, 0)
    ways = distances + tl.load(slot + _DISTANCES)
    way = ways + tl.maximum(need - opens, 0) * num_states + after
    finish = tl.load(way)
    close = tl.load(way + _NEEDS * num_states)
    kind = kinds + tl.load(slot + _KINDS)
    here = tl.load(kind + at).to(tl.int32)
    is_inside = (here & _INSIDE) != 0
    thought = here & _THINKS
    room = tl.where(is_inside, budget - reserve, budget) - 1
    ok = has_arc & (opens <= left) & ((event >= 0) | (need == 0)) & (finish <= room)
    ok = ok & ((close <= thinking - thought) | (is_inside == 0))
    out = tl.load(ways + (_NEEDS + need) * num_states + at) - thought
    is_out = (close <= out) | (winding == 0) | (is_inside == 0)
    is_closing = (tl.load(kind + after).to(tl.int32) & _CLOSING) != 0
    is_late = (is_closing == 0) | (finish + 1 >= due)
    quick = tl.where(has_arc, tl.load(ways + after), 2 * _FAR)
    return ok, is_out, is_late, finish, quick


@triton.jit(do_not_specialize=["legal_stride", "num_blocks"])
def _mask_logits(
    logits, logits_stride, tokens, legal, legal_stride, notes,
    vocab_size, num_blocks, block: tl.constexpr,
):  # fmt: skip
    """Set what is illegal in a block of a row to -inf; what ends a row otherwise empty, to 0.

    The shortest token is left to the block that finishes last: no other one writes it, so that
    the blocks need no order but that of the one count that tells who is last.
    """
    row = tl.program_id(0).to(tl.int64)
    note = notes + row * _NOTES
    start = tl.load(note)
    if start == -1:
        return
    shortest = tl.load(note + 1)
    row_logits = logits + row * logits_stride
    token_ids = tl.program_id(1) * block + tl.arange(0, block)
    is_token = token_ids < vocab_size
    classes = tl.load(tokens + start + token_ids, mask=is_token, other=0).to(tl.int32)
    is_legal = tl.load(legal + row * legal_stride + classes, mask=is_token, other=0) != 0
    kept = _clean(tl.load(row_logits + token_ids, mask=is_legal, other=float("-inf")))
    tl.store(row_logits + token_ids, kept, mask=is_token & (token_ids != shortest))
    is_alive = tl.max((kept > float("-inf")).to(tl.int32), axis=0)
    before = tl.atomic_add(note + 2, 1 + is_alive * _ALIVE, sem="relaxed")
    if before % _ALIVE == num_blocks - 1:
        last = _clean(tl.load(row_logits + shortest))
        is_dead = before // _ALIVE + is_alive == 0
        tl.store(row_logits + shortest, tl.where(is_dead, 0.0, last))


@triton.jit
def _clean(logits):
    """Return logits without NaN, which counts as -inf, or +inf."""
    logits = tl.where(logits == logits, logits, float("-inf"))
    return tl.where(logits == float("inf"), _HUGE, logits)
