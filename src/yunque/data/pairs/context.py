"""The text around a place: what is kept of it when only so many characters fit."""

from __future__ import annotations


def text_before(data: bytes, end: int, max_chars: int) -> str:
    """Up to ``max_chars`` characters that end at a byte, cut at a line start where there is one."""
    floor = max(0, end - 4 * (max_chars + 1))  # a character has at most four bytes, and one more tells where a line starts
    while floor < end and data[floor] & 0xC0 == 0x80:
        floor += 1
    text = data[floor:end].decode()
    if len(text) <= max_chars:
        return text
    left_out, kept = text[-max_chars - 1], text[-max_chars:]
    _, _, later_lines = kept.partition("\n")
    return kept if left_out == "\n" or not later_lines else later_lines


def text_after(data: bytes, start: int, max_chars: int) -> str:
    """Up to ``max_chars`` characters that start at a byte, cut at a line end where there is one."""
    ceiling = min(len(data), start + 4 * (max_chars + 1))
    while start < ceiling < len(data) and data[ceiling] & 0xC0 == 0x80:
        ceiling -= 1
    text = data[start:ceiling].decode()
    if len(text) <= max_chars:
        return text
    lines, newline, _ = text[:max_chars].rpartition("\n")
    return lines + newline or text[:max_chars].removesuffix("\r")
