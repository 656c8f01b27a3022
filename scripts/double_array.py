"""A trie in one array of 32-bit units, in the layout of Darts-clone (Yata 2008; sentencepiece and tokenizers read it too).

The child of the unit at `i` for byte `c` is the unit at `i ^ offset ^ c` if the low 8 bits there are `c`. Where bit 8 is
set, the unit at `i ^ offset` is a leaf: bit 31 and the key's value. Offsets are bits 10 to 30, and bits 9 to 30 without
their low 8 bits when bit 9 is set.
"""

import numpy as np

BLOCK = 256
FULL = (1 << BLOCK) - 1
# Blocks that are looked at before a new one is opened.
TRIED_BLOCKS = 24
OLDEST_BLOCKS = 4


class _Slots:
    """Which units are free, and which bases are taken, as one bit mask for each block of 256."""

    def __init__(self):
        self.free, self.bases, self.open = [], [], []

    def place(self, labels):
        """Finds a base so that `base ^ label` is free for all labels; takes those units and the base."""
        # An only child fits nearly everywhere, so it fills the holes that families left behind.
        oldest = self.open[:OLDEST_BLOCKS] if len(labels) == 1 else []
        for block in dict.fromkeys(oldest + self.open[: -TRIED_BLOCKS - 1 : -1]):
            low = self._fit(block, labels)
            if low is not None:
                break
            if block in oldest:
                self.open.remove(block)
        else:
            block = len(self.free)
            self.free.append(FULL)
            self.bases.append(0)
            self.open.append(block)
            low = self._fit(block, labels)
        self.bases[block] |= 1 << low
        for label in labels:
            self.free[block] &= ~(1 << (low ^ label))
        if self.free[block] == 0 and block in self.open:
            self.open.remove(block)
        return block * BLOCK + low

    def _fit(self, block, labels):
        free, bases = self.free[block], self.bases[block]
        if free.bit_count() < len(labels):
            return None
        candidates = free
        while candidates:
            bit = candidates & -candidates
            candidates ^= bit
            low = (bit.bit_length() - 1) ^ labels[0]
            if not bases >> low & 1 and all(free >> (low ^ label) & 1 for label in labels):
                return low
        return None


def build(values):
    """Packs a dictionary from keys (bytes without NUL) to values below 2 ** 31; returns little-endian units as bytes."""
    keys = sorted(values)
    slots = _Slots()
    slots.place([0])
    units = {0: 0}
    # (position of the node's unit, range of keys, length of their common prefix)
    nodes = [(0, 0, len(keys), 0)]
    while nodes:
        position, first, last, depth = nodes.pop()
        children = []
        start = first
        while start < last:
            label = keys[start][depth] if len(keys[start]) > depth else 0
            end = start + 1
            while label and end < last and keys[end][depth] == label:
                end += 1
            children.append((label, start, end))
            start = end
        base = slots.place([label for label, _, _ in children])
        units[position] |= _offset(position ^ base)
        for label, start, end in children:
            if label == 0:
                units[position] |= 1 << 8
                units[base] = 1 << 31 | values[keys[start]]
            else:
                units[base ^ label] = label
                nodes.append((base ^ label, start, end, depth + 1))
    packed = np.zeros(len(slots.free) * BLOCK, "<u4")
    packed[list(units)] = list(units.values())
    return packed.tobytes()


def _offset(offset):
    if offset < 1 << 21:
        return offset << 10
    assert offset & 0xFF == 0 and offset < 1 << 29
    return offset << 2 | 1 << 9
