"""Reading a pickle of weights without running it: an interpreter of the few opcodes that torch.save writes.

Python's own unpickler imports and calls whatever a pickle names. This one does neither: names are looked up in the
tables below, and what would be called becomes a description of a tensor. Everything else is refused.
"""

import io
import pickletools
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

# Of each pickle. A model of 20,000 tensors has 4 MB and 800,000 opcodes; the limits of memory follow from these three.
MOST_BYTES, MOST_OPCODES, MOST_TENSORS = 20_000_000, 1_000_000, 20_000
# numpy's limit to a tensor's dimensions, of its releases before 2.
MOST_DIMENSIONS = 32
# What torch.save writes by default. Later protocols have other opcodes.
PROTOCOL = 2
# The types of storages, as safetensors calls the type of the numbers, and the bytes of each number.
STORAGES = {
    "torch DoubleStorage": "F64",
    "torch FloatStorage": "F32",
    "torch HalfStorage": "F16",
    "torch BFloat16Storage": "BF16",
    "torch LongStorage": "I64",
    "torch IntStorage": "I32",
    "torch ShortStorage": "I16",
    "torch CharStorage": "I8",
    "torch ByteStorage": "U8",
    "torch BoolStorage": "BOOL",
}
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
DICT, TENSOR, PARAMETER = (
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
)


class NotWeights(Exception):
    """A file that is damaged, or has more in it than weights need. The text is a clause that says what is wrong."""


@dataclass(frozen=True)
class Global:
    """A name that a pickle imports, as `module name`: one of STORAGES, DICT, TENSOR and PARAMETER."""

    name: str


@dataclass(frozen=True)
class Storage:
    """Numbers in a row, which tensors are views of.

    key: what the file calls them. dtype: one of BYTES. count: of the numbers.
    """

    key: str
    dtype: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage, within its bounds. offset and strides: in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def unpickled(content: io.BytesIO) -> Any:
    """Return what a pickle describes, of None, bool, int, str, tuple, list, dict, Global, Storage and Tensor.

    content: stands at the beginning of the pickle; afterwards, at its end. No list or dict contains itself.
    Raises NotWeights for everything that torch.save does not write for a dictionary of tensors.
    """
    return _Interpreter().run(content)


class _Interpreter:
    def __init__(self):
        self.stack: list[Any] = []
        self.marks: list[int] = []  # how high the stack was at each
        self.memo: dict[int, Any] = {}
        self.tensors = 0

    def run(self, content: io.BytesIO) -> Any:
        opcodes = pickletools.genops(content)
        for _ in range(MOST_OPCODES):
            try:
                opcode, argument, place = next(opcodes)
            except ValueError as problem:  # also what is no UTF-8
                raise NotWeights(f"it is damaged or not a pickle ({problem})") from None
            if opcode.name == "STOP":
                if len(self.stack) != 1 or self.marks:
                    raise NotWeights("it is damaged: its pickle does not end with one value")
                return self.stack.pop()
            try:
                operation = _OPERATIONS.get(opcode.name)
                if not operation:
                    raise NotWeights("weights do not need this opcode")
                operation(self, argument)
            except NotWeights as problem:
                raise NotWeights(f"{problem} (opcode {opcode.name} at byte {place:,} of the pickle)") from None
        raise NotWeights(f"its pickle has more than {MOST_OPCODES:,} opcodes")

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise NotWeights("it is damaged: a value is missing")
        return self.stack.pop()

    def popped(self, count: int) -> tuple:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def popped_to_mark(self) -> list:
        if not self.marks:
            raise NotWeights("it is damaged: a mark is missing")
        height = self.marks.pop()
        values = self.stack[height:]
        del self.stack[height:]
        return values

    def push(self, value: Any) -> None:
        self.stack.append(value)

    # --- the opcodes; their argument is None where they have none ---

    def protocol(self, number: int) -> None:
        if number != PROTOCOL:
            raise NotWeights(f"it has protocol {number} of pickles, where torch.save writes {PROTOCOL}")

    def mark(self, _) -> None:
        self.marks.append(len(self.stack))

    def put(self, number: int) -> None:
        value = self.pop()
        self.push(value)
        self.memo[number] = value

    def get(self, number: int) -> None:
        if number not in self.memo:
            raise NotWeights("it is damaged: a value is missing")
        if isinstance(self.memo[number], (list, dict)):  # without this, one could be put into itself
            raise NotWeights("it uses one list or dictionary twice")
        self.push(self.memo[number])

    def append(self, values: list) -> None:
        target = self.pop()
        if not isinstance(target, list):
            raise NotWeights("it appends to what is not a list")
        target.extend(values)
        self.push(target)

    def set_items(self, values: list) -> None:
        target = self.pop()
        if not isinstance(target, dict) or len(values) % 2:
            raise NotWeights("it puts items into what is not a dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) is not str:
                raise NotWeights("a dictionary has a key that is not text")
            if key in target:
                raise NotWeights(f"a dictionary has the key {key!r} twice")
            target[key] = value
        self.push(target)

    def find(self, name: str) -> None:
        if name not in STORAGES and name not in (DICT, TENSOR, PARAMETER):
            raise NotWeights(f"it imports {name.replace(' ', '.')}, which weights do not need")
        self.push(Global(name))

    def call(self, _) -> None:
        arguments = self.pop()
        called = self.pop()
        name = called.name if isinstance(called, Global) else ""
        if not isinstance(arguments, tuple):
            raise NotWeights("it is damaged: a call has no arguments")
        if name == DICT and not arguments:
            self.push(OrderedDict())
        elif name == TENSOR:
            self.tensors += 1
            if self.tensors > MOST_TENSORS:
                raise NotWeights(f"it has more than {MOST_TENSORS:,} tensors")
            self.push(_tensor(*arguments) if len(arguments) in (6, 7) else _tensor(*[None] * 6))
        elif name == PARAMETER and len(arguments) == 3 and isinstance(arguments[0], Tensor):
            self.push(arguments[0])
        else:
            raise NotWeights(f"it calls {name.replace(' ', '.') or 'what cannot be called'} in an unknown way")

    def build(self, _) -> None:
        """Leave out `_metadata`, the numbers of versions that torch puts beside the tensors of a state_dict."""
        state = self.pop()
        target = self.pop()
        if not isinstance(target, OrderedDict) or not isinstance(state, dict) or state.keys() - {"_metadata"}:
            raise NotWeights("it sets attributes, which weights do not need")
        self.push(target)

    def storage(self, _) -> None:
        told = self.pop()
        if (
            not isinstance(told, tuple)
            or len(told) not in (5, 6)
            or told[0] != "storage"
            or told[5:] not in ((), (None,))
        ):
            raise NotWeights("it refers to what is not a storage")
        _, kind, key, device, count = told[:5]
        if not isinstance(kind, Global) or kind.name not in STORAGES:
            raise NotWeights("it has a storage of an unknown type")
        if type(key) is not str or not (key.isascii() and key.isdecimal()) or len(key) > 20 or type(device) is not str:
            raise NotWeights("it has a storage without a number")
        if not _is_size(count):
            raise NotWeights(f"it has a storage of {_told(count)} numbers")
        self.push(Storage(key, STORAGES[kind.name], count))


def _tensor(storage, offset, shape, strides, requires_grad, hooks, metadata=None) -> Tensor:
    """Return what torch._utils._rebuild_tensor_v2 would make of its arguments."""
    if not isinstance(storage, Storage) or type(requires_grad) is not bool or hooks or metadata:
        raise NotWeights("it has a tensor of an unknown kind")
    if not isinstance(shape, tuple) or not isinstance(strides, tuple) or len(shape) != len(strides):
        raise NotWeights("it has a tensor without a shape")
    if len(shape) > MOST_DIMENSIONS:
        raise NotWeights(f"it has a tensor of {len(shape):,} dimensions, more than {MOST_DIMENSIONS}")
    if not all(map(_is_size, (offset, *shape, *strides))):
        raise NotWeights("it has a tensor of which a size, stride or offset is not possible")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.count:
        raise NotWeights(f"it has a tensor beyond its storage: number {last:,} of {storage.count:,}")
    return Tensor(storage, offset, shape, strides)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _told(value: Any) -> str:
    return f"{value:,}" if type(value) is int and abs(value) < 2**128 else "an impossible number of"


_OPERATIONS = {
    "PROTO": _Interpreter.protocol,
    "MARK": _Interpreter.mark,
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Interpreter.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Interpreter.get),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"), _Interpreter.push),
    "NONE": lambda self, _: self.push(None),
    "NEWTRUE": lambda self, _: self.push(True),
    "NEWFALSE": lambda self, _: self.push(False),
    "EMPTY_TUPLE": lambda self, _: self.push(()),
    "TUPLE1": lambda self, _: self.push(self.popped(1)),
    "TUPLE2": lambda self, _: self.push(self.popped(2)),
    "TUPLE3": lambda self, _: self.push(self.popped(3)),
    "TUPLE": lambda self, _: self.push(tuple(self.popped_to_mark())),
    "EMPTY_LIST": lambda self, _: self.push([]),
    "APPEND": lambda self, _: self.append([self.pop()]),
    "APPENDS": lambda self, _: self.append(self.popped_to_mark()),
    "EMPTY_DICT": lambda self, _: self.push({}),
    "SETITEM": lambda self, _: self.set_items(list(self.popped(2))),
    "SETITEMS": lambda self, _: self.set_items(self.popped_to_mark()),
    "GLOBAL": _Interpreter.find,
    "REDUCE": _Interpreter.call,
    "BUILD": _Interpreter.build,
    "BINPERSID": _Interpreter.storage,
}
