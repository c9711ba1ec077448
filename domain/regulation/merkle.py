"""The Merkle tree of RFC 9162 (and RFC 6962): one hash for all entries of a log, and short proofs about it.

    leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right), the empty tree is SHA-256 of nothing

An inclusion proof shows that an entry is in a tree, a consistency proof that a tree only grew since another one: about log2(size)
hashes each. Where the hashes of whole subtrees come from is the caller's: `Subtree` gives that of the entries first … last - 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

Subtree = Callable[[int, int], bytes]
BLOCK_LEVELS = 8
EMPTY = hashlib.sha256().digest()
_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return _sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """A tree that grows leaf by leaf. It holds only the roots of the whole subtrees on its right edge, the largest first.

    `blocks` gathers the subtrees of 256, 65,536 … leaves as they become whole: level (8, 16 …), place among those of its level, root.
    Whoever stores them takes them out.
    """

    size: int = 0
    roots: list[bytes] = field(default_factory=list)
    blocks: list[tuple[int, int, bytes]] = field(default_factory=list)

    def push(self, leaf: bytes) -> None:
        """One more leaf, by its hash."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """More leaves, by their hashes."""
        roots, size, hashed = self.roots, self.size, _sha256
        for leaf in leaves:
            whole, level = size, 0
            while whole & 1:
                leaf = hashed(b"\x01" + roots.pop() + leaf).digest()
                whole >>= 1
                level += 1
                if not level % BLOCK_LEVELS:
                    self.blocks.append((level, whole, leaf))
            roots.append(leaf)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The hash of the whole tree."""
        if not self.roots:
            return EMPTY
        found = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            found = node_hash(left, found)
        return found


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The hash of a tree of these leaf hashes."""
    if not leaves:
        return EMPTY
    level = list(leaves)
    while len(level) > 1:
        pairs = [node_hash(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) // 2 * 2 :]
    return level[0]


def split(size: int) -> int:
    """How many leaves the left half of a tree has: the largest power of two below its size."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of a tree of `size` leaves, the lowest first (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + split(last - first)
        if index < middle:
            path.append(subtree(middle, last))
            last = middle
        else:
            path.append(subtree(first, middle))
            first = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The hashes that lead from the root of the first `old` leaves to that of `new` (RFC 9162, 2.1.4.1)."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} does not grow into one of {new}")
    path: list[bytes] = []
    first, last, whole = 0, new, True
    while old != last:
        middle = first + split(last - first)
        if old <= middle:
            path.append(subtree(middle, last))
            last = middle
        else:
            path.append(subtree(first, middle))
            first, whole = middle, False
    if not whole:
        path.append(subtree(first, last))
    return path[::-1]


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf is there (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(hash_, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the first `old` leaves of the new tree are those of the old one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(hash_, before), node_hash(hash_, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, hash_)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
