"""Shuffling a sequence so that it keeps its dinucleotides.

Altschul & Erikson 1985, doi:10.1093/oxfordjournals.molbev.a040370: a sequence is a walk along the edges of a graph
whose vertices are letters and whose edges are its dinucleotides; every other walk along all of them is a shuffle. The
edges by which the walk leaves each letter for the last time form a tree that leads to the last letter. Here that tree
is drawn as in Wilson 1996, doi:10.1145/237814.237880, which needs no rejection.
"""

import numpy as np


def shuffle_dinucleotides(sequence: str, random: np.random.Generator) -> str:
    """Return one of all sequences with the same first letter and the same dinucleotide counts, each equally likely.

    sequence: ASCII letters of any kind; its last letter stays the last too.
    """
    if len(sequence) < 4:
        return sequence  # there is no other
    letters = np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)
    before, behind = letters[:-1], letters[1:]
    last = int(letters[-1])
    following = {letter: behind[before == letter] for letter in sorted(set(before.tolist()))}
    for letter, to in _last_exits(following, last, random).items():
        edges = following[letter]
        # One edge like the last exit goes to the end; the others are in random order before it.
        place = int(np.flatnonzero(edges == to)[0])
        edges[place] = edges[-1]
        random.shuffle(edges[:-1])
        edges[-1] = to
    if last in following:
        random.shuffle(following[last])
    exits = {letter: iter(edges.tolist()) for letter, edges in following.items()}
    letter = int(letters[0])
    result = bytearray([letter])
    for _ in range(len(before)):
        letter = next(exits[letter])
        result.append(letter)
    return result.decode("ascii")


def _last_exits(following: dict[int, np.ndarray], last: int, random: np.random.Generator) -> dict[int, int]:
    """Draw for every letter but the last to which one it is left at last, such that all lead to the last one.

    A random walk from each letter to the tree so far; where it passes a letter twice, the later exit counts.
    """
    exits: dict[int, int] = {}
    in_tree = {last}
    for start in following:
        letter = start
        while letter not in in_tree:
            edges = following[letter]
            exits[letter] = int(edges[int(random.random() * len(edges))])
            letter = exits[letter]
        letter = start
        while letter not in in_tree:
            in_tree.add(letter)
            letter = exits[letter]
    return exits
