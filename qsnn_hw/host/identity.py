"""The table a board sends, row by row, when it is asked: which design it is, and what it has counted.

24 rows of 4 bytes, numbers lowest byte first: 64 bytes that are fixed when the bitstream is made, then eight
counters.
"""

import struct
from dataclasses import dataclass, fields
from typing import Self

from qsnn_hw.support.errors import UserError

_VERSION = 1
_FIXED = struct.Struct("<BBHIIII16s16s8s4x")
TOOLS_BYTES = 8
_COUNTERS = struct.Struct("<8I")
IDENTITY_BYTES = _FIXED.size
TABLE_BYTES = IDENTITY_BYTES + _COUNTERS.size
ROW_BYTES = 4
TABLE_ROWS = TABLE_BYTES // ROW_BYTES


@dataclass(frozen=True)
class Identity:
    """Which design a bitstream holds.

    Parameters
    ----------
    encoder, readout, loads
        Takes pixels; answers with classes; is given its weights.
    steps
        Time steps of the encoder; 0 without one.
    inputs, outputs
        Addresses of the input and the output stream; classes where the design has a readout.
    weight_bytes
        Bytes of weights that it waits for.
    clock_hz
        Of the design, for cycles to be seconds.
    digest
        16 bytes, of the hardware plan and of this package's version: equal for equal designs.
    version
        Of this package, at most 16 ASCII characters.
    tools
        8 bytes, of the versions of the tools that made the bitstream; zeros where nothing says them.
    """

    encoder: bool
    readout: bool
    loads: bool
    steps: int
    inputs: int
    outputs: int
    weight_bytes: int
    clock_hz: int
    digest: bytes
    version: str
    tools: bytes = bytes(TOOLS_BYTES)

    def pack(self) -> bytes:
        """The fixed part of the table."""
        kinds = self.encoder | self.readout << 1 | self.loads << 2
        numbers = (self.steps, self.inputs, self.outputs, self.weight_bytes, self.clock_hz)
        version = self.version.encode("ascii", "replace")[:16]
        return _FIXED.pack(_VERSION, kinds, *numbers, self.digest, version, self.tools)

    @classmethod
    def unpack(cls, table: bytes) -> Self:
        """The inverse of :meth:`pack`, from a whole table or its fixed part.

        Raises
        ------
        UserError
            It is no table, or of another version.
        """
        if len(table) < IDENTITY_BYTES or table[0] != _VERSION:
            raise UserError(
                f"the board's table must be {TABLE_BYTES} bytes of version {_VERSION}, not {len(table)} bytes"
                f"{f' of version {table[0]}' if table else ''}: its bitstream is of another version of "
                "qsnn-hw"
            )
        _, kinds, steps, inputs, outputs, weight_bytes, clock_hz, digest, version, tools = _FIXED.unpack(
            table[:IDENTITY_BYTES]
        )
        return cls(
            encoder=bool(kinds & 1),
            readout=bool(kinds & 2),
            loads=bool(kinds & 4),
            steps=steps,
            inputs=inputs,
            outputs=outputs,
            weight_bytes=weight_bytes,
            clock_hz=clock_hz,
            digest=digest,
            version=version.rstrip(b"\0").decode("ascii", "replace"),
            tools=tools,
        )


@dataclass(frozen=True)
class Counters:
    """What a board has counted since configuration, each modulo 2**32; a reset does not clear them.

    Parameters
    ----------
    events_in, ticks_in
        Words (or pixels) to the network.
    events_out, ticks_out
        Words from it; of a readout each answer is an event.
    bad_frames
        That failed their CRC.
    refused_frames
        With a good CRC, but out of sequence, without a session, too long, or without room.
    ignored_events
        Whose address nobody has, or that came before the weights.
    periods
        Of 128 clock cycles each.
    """

    events_in: int
    ticks_in: int
    events_out: int
    ticks_out: int
    bad_frames: int
    refused_frames: int
    ignored_events: int
    periods: int

    @property
    def cycles(self) -> int:
        """Clock cycles, modulo 2**39, as exact as the periods are."""
        return 128 * self.periods

    @classmethod
    def unpack(cls, table: bytes) -> Self:
        """From a whole table.

        Raises
        ------
        UserError
            It is too short.
        """
        if len(table) < TABLE_BYTES:
            raise UserError(f"the board's table must be {TABLE_BYTES} bytes, not {len(table)}")
        return cls(*_COUNTERS.unpack(table[IDENTITY_BYTES:TABLE_BYTES]))

    def pack(self) -> bytes:
        """The inverse of :meth:`unpack`, without the fixed part."""
        return _COUNTERS.pack(*(getattr(self, item.name) for item in fields(self)))

    def since(self, earlier: "Counters") -> "Counters":
        """What was counted between both."""
        names = [item.name for item in fields(self)]
        return Counters(*((getattr(self, name) - getattr(earlier, name)) % 2**32 for name in names))
