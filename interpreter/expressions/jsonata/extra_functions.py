"""The functions that Step Functions adds to the language.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import hashlib
from typing import Final

import msgspec

from stepraft.interpreter.expressions.environment import uuid_of
from stepraft.interpreter.expressions.java_random import JavaRandom
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.library import Definition
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value, is_whole

_ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
_RANDOM_BITS: Final = 53
_decode = msgspec.json.Decoder().decode


def _partition(run: Run, values: Value, size: Value) -> Value:
    if values is UNDEFINED:
        return UNDEFINED
    if not is_whole(size) or size < 1:
        raise JsonataError("D3150", value=size)
    run.spend(len(values))
    step = int(size)
    return [list(values[at : at + step]) for at in range(0, len(values), step)]


def _range(run: Run, first: Value, last: Value, step: Value) -> Value:
    if first is UNDEFINED or last is UNDEFINED:
        return UNDEFINED
    by = 1 if step is UNDEFINED else step
    if by == 0:
        raise JsonataError("D3151")
    count = max(0, int((last - first) / by) + 1) if (last - first) / by >= 0 else 0
    run.spend(count)
    return [first + place * by for place in range(count)]


def _hash(run: Run, text: Value, algorithm: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    name = "SHA-256" if algorithm is UNDEFINED else algorithm
    if name not in _ALGORITHMS:
        raise JsonataError("D3152", value=name)
    run.spend(len(text) >> 6)
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.new(_ALGORITHMS[name], data, usedforsecurity=False).hexdigest()


def _random(run: Run, seed: Value) -> Value:
    if seed is not UNDEFINED:
        return JavaRandom(int(seed)).next_fraction()
    return (int.from_bytes(run.source.draw()[:8], "big") >> (64 - _RANDOM_BITS)) / (
        1 << _RANDOM_BITS
    )


def _uuid(run: Run) -> Value:
    return uuid_of(run.source.draw())


def _parse(run: Run, text: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    run.spend_on_text(len(text))
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise JsonataError("D3153", value=text[:80]) from None


FUNCTIONS: Final[dict[str, Definition]] = {
    "partition": ("<an:a<a>>", _partition, 2),
    "range": ("<nnn?:a<n>>", _range, 3),
    "hash": ("<s-s?:s>", _hash, 2),
    "random": ("<n?:n>", _random, 1),
    "uuid": ("<:s>", _uuid, 0),
    "parse": ("<s-:x>", _parse, 1),
}
"""Signature, implementation and how many arguments it looks at, by name."""
