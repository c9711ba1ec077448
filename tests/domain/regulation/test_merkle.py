"""The tree of RFC 9162: its published hashes, and proofs that only the truth passes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.regulation.merkle import (
    EMPTY,
    Frontier,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    root_of,
    split,
)

# The inputs of the certificate-transparency project's reference tests, and the roots of their first 1 … 8.
_HEX = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
INPUTS = [bytes.fromhex(one) for one in _HEX]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def by_the_definition(leaves: list[bytes]) -> bytes:
    """The recursive definition of RFC 9162, 2.1.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY
    half = split(len(leaves))
    return node_hash(by_the_definition(leaves[:half]), by_the_definition(leaves[half:]))


def test_the_roots_are_those_of_certificate_transparency() -> None:
    leaves, tree = [leaf_hash(one) for one in INPUTS], Frontier()
    for size, root in enumerate(ROOTS, start=1):
        tree.push(leaves[size - 1])
        assert tree.root().hex() == root_of(leaves[:size]).hex() == root
    assert Frontier().root() == root_of([]) == EMPTY


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 600))
def test_for_any_size_the_growing_tree_is_that_of_the_definition(size: int) -> None:
    leaves, tree = leaves_of(size), Frontier()
    for leaf in leaves:
        tree.push(leaf)
    assert tree.root() == root_of(leaves) == by_the_definition(leaves)
    assert len(tree.roots) == size.bit_count()
    assert tree.blocks == [(8, place, root_of(leaves[place * 256 :][:256])) for place in range(size // 256)]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_for_any_entry_its_proof_holds_for_it_alone(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 200))
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    root = root_of(leaves)
    path = inclusion_proof(index, size, lambda first, last: root_of(leaves[first:last]))
    assert is_included(leaves[index], index, size, path, root)
    assert len(path) <= max(size - 1, 0).bit_length()
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index)) if size > 1 else size
    assert not is_included(leaves[index], other, size, path, root)
    assert not is_included(leaf_hash(b"other"), index, size, path, root)
    assert not is_included(leaves[index], index, size, path, leaf_hash(b"other root"))
    assert not is_included(leaves[index], index, size, [*path, root], root)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        changed = [*path[:place], bytes([path[place][0] ^ 1]) + path[place][1:], *path[place + 1 :]]
        assert not is_included(leaves[index], index, size, changed, root)
        assert not is_included(leaves[index], index, size, path[:-1], root)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_for_any_growth_its_proof_holds_and_a_changed_past_has_none(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 200))
    old = data.draw(st.integers(1, new))
    leaves = leaves_of(new)
    before, after = root_of(leaves[:old]), root_of(leaves)
    path = consistency_proof(old, new, lambda first, last: root_of(leaves[first:last]))
    assert is_consistent(old, new, before, after, path)
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*leaves[:changed], leaf_hash(b"other"), *leaves[changed + 1 :]]
    lie = consistency_proof(old, new, lambda first, last: root_of(rewritten[first:last]))
    assert not is_consistent(old, new, before, root_of(rewritten), lie)
    assert not is_consistent(old, new, before, after, [*path, after])
    if path:
        assert not is_consistent(old, new, before, after, path[:-1])
        assert not is_consistent(old, new, before, after, [path[0][::-1], *path[1:]])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_what_is_not_in_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(index, size, lambda first, last: EMPTY)
    assert not is_included(EMPTY, index, size, [], EMPTY)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_a_tree_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not grow"):
        consistency_proof(old, new, lambda first, last: EMPTY)
    assert not is_consistent(old, new, EMPTY, EMPTY, [])
    assert not is_consistent(3, 5, EMPTY, EMPTY, [])
