"""Frames on the serial line: what makes damage visible. docs/host_link.md has the format.

A frame is its body and the CRC-32 of it, stuffed as RFC 1662 (PPP) stuffs octets, between flags::

    7e  body  crc (4 bytes, lowest first)  7e

The CRC goes on from the session's nonce as if that were the CRC of bytes before the body (polynomial, bit
order, start and complement are those of RFC 1662, IEEE 802.3 and zlib). A frame of another session fails its
CRC for certain, because runs over equal bytes from unlike starts end unlike; so no frame spends bytes on the
session. Without a session the nonce is 0, which is plain CRC-32.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from qsnn_hw.support.errors import UserError

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
"""Ends a frame; marks the byte behind it; what that byte was changed by (RFC 1662, section 4.2)."""

CRC_BYTES = 4

NO_SESSION = 0
"""In place of a nonce while there is no session; no session has this one."""

NONCE_BYTES = 2

HELLO = 0x80
"""First byte of the frame that begins a session; of others it is their sequence number."""

SEQUENCES = 128
"""Sequence numbers count from 0 to 127 and start over."""

SLOTS = 8
"""Frames that the board has room for; one place stays free for the frame that is arriving."""

SLOT_BYTES = 256
"""Payload and CRC of a frame to the board."""

MAX_PAYLOAD = SLOT_BYTES - CRC_BYTES - 1

END = 0x42
"""The word that ends the payload of a frame to the board."""

HEADER_BYTES = 4
"""Of a frame from the board."""

MAX_REPLY = 65_536
"""Longest frame from the board that a host keeps: what is longer is damaged, as a lost flag leaves it."""


def crc(body: bytes, nonce: int = NO_SESSION) -> int:
    """CRC-32 of a body, gone on with from ``nonce``."""
    return zlib.crc32(body, nonce)


def stuff(data: bytes) -> bytes:
    """``data`` without flags: each flag and escape becomes an escape and the byte with one bit flipped."""
    escape = bytes([ESCAPE])
    data = data.replace(escape, bytes([ESCAPE, ESCAPE ^ FLIP]))
    return data.replace(bytes([FLAG]), bytes([ESCAPE, FLAG ^ FLIP]))


def frame(body: bytes, nonce: int) -> bytes:
    """The bytes on the line, with a flag on either side: the first one ends whatever came before."""
    check = crc(body, nonce).to_bytes(CRC_BYTES, "little")
    return bytes([FLAG]) + stuff(body + check) + bytes([FLAG])


def hello(nonce: int) -> bytes:
    """The frame that begins session ``nonce``, 1 to 65,535."""
    if not NO_SESSION < nonce < 1 << 8 * NONCE_BYTES:
        raise UserError(f"nonce must be from 1 to {(1 << 8 * NONCE_BYTES) - 1}, not {nonce}")
    return frame(bytes([HELLO]) + nonce.to_bytes(NONCE_BYTES, "little") + bytes([END]), NO_SESSION)


def data_frame(sequence: int, payload: bytes, nonce: int) -> bytes:
    """Frame ``sequence`` of session ``nonce`` with whole words (``words.py`` packs them, ending with END).

    Raises
    ------
    UserError
        The payload is longer than the board holds.
    """
    if not 0 < len(payload) <= MAX_PAYLOAD:
        raise UserError(f"payload must be from 1 to {MAX_PAYLOAD} bytes, not {len(payload)}")
    return frame(bytes([sequence % SEQUENCES]) + payload, nonce)


class Deframer:
    """Bytes of the line, in any pieces, to frames: body and CRC, unstuffed, CRC not looked at.

    What stands between two flags is a frame, however damaged; nothing between them is none. A frame longer
    than ``longest`` is dropped as it grows.
    """

    def __init__(self, longest: int = MAX_REPLY) -> None:
        self._longest = longest
        self._held = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that end in ``data``."""
        *ended, rest = data.split(bytes([FLAG]))
        frames = []
        for piece in ended:
            self._keep(piece)
            # An overlong frame counts as one that fails its CRC, not as none.
            if self._held or self._overlong:
                frames.append(b"" if self._overlong else unstuff(bytes(self._held)))
            self._held.clear()
            self._overlong = False
        self._keep(rest)
        return frames

    def _keep(self, piece: bytes) -> None:
        self._held += piece
        if len(self._held) > 2 * self._longest:
            self._overlong = True
            self._held.clear()


def unstuff(data: bytes) -> bytes:
    """The inverse of :func:`stuff`; an escape at the very end stays a frame with a wrong CRC."""
    if ESCAPE not in data:
        return data
    plain = bytearray()
    escaped = False
    for byte in data:
        if byte == ESCAPE and not escaped:
            escaped = True
            continue
        plain.append(byte ^ FLIP if escaped else byte)
        escaped = False
    return b"" if escaped else bytes(plain)


def opened(raw: bytes, nonce: int) -> bytes | None:
    """The body of a frame as :class:`Deframer` gives it; None where its CRC is not that of ``nonce``."""
    body, check = raw[:-CRC_BYTES], raw[-CRC_BYTES:]
    if not body or int.from_bytes(check, "little") != crc(body, nonce):
        return None
    return body


@dataclass(frozen=True)
class Reply:
    """A frame from the board: acknowledgement, and answers behind it.

    Parameters
    ----------
    expected
        Sequence number of the next frame that the board takes: all before it have arrived.
    freed
        Frames that it has worked off, modulo ``SLOTS``: sequence ``s`` may be sent while
        ``(s - freed) % SLOTS < SLOTS - 1``.
    refused
        Since its last frame the board has refused one: damaged, out of sequence, or without room.
    lost, ignored
        An answer was lost on the chip; an event had an address that nobody has, or came before the weights.
        Both stay until the next session.
    loaded
        The weights are all there; 1 in designs that load none.
    frame
        Its number among the frames of ``sample``, empty ones included: 0, 1 to 255, 1 to 255 and so on.
    sample
        Number of the sample that the payload answers, from the session's first, modulo 256.
    status
        The payload is a row of the board's table (``identity.py``), not answers.
    payload
        Whole words.
    """

    expected: int
    freed: int
    refused: bool
    lost: bool
    ignored: bool
    loaded: bool
    frame: int
    sample: int
    status: bool
    payload: bytes

    @classmethod
    def parse(cls, body: bytes) -> "Reply | None":
        """Of a body whose CRC is good; None where it is too short to be a board's."""
        if len(body) < HEADER_BYTES:
            return None
        first, flags, number, sample = body[:HEADER_BYTES]
        return cls(
            expected=first & 0x7F,
            freed=flags & 7,
            refused=bool(flags & 0x80),
            lost=bool(flags & 0x40),
            ignored=bool(flags & 0x20),
            loaded=bool(flags & 0x10),
            frame=number,
            sample=sample,
            status=bool(first & 0x80),
            payload=body[HEADER_BYTES:],
        )

    def body(self) -> bytes:
        """The inverse of :meth:`parse`."""
        flags = self.refused << 7 | self.lost << 6 | self.ignored << 5 | self.loaded << 4 | self.freed & 7
        head = bytes([self.status << 7 | self.expected, flags, self.frame, self.sample])
        return head + self.payload


def read_replies(raws: Iterable[bytes], nonce: int) -> list["Reply | None"]:
    """Of frames as they came; None for a damaged or foreign one."""
    replies: list[Reply | None] = []
    for raw in raws:
        body = opened(raw, nonce)
        replies.append(None if body is None else Reply.parse(body))
    return replies


__all__ = [
    "CRC_BYTES",
    "END",
    "ESCAPE",
    "FLAG",
    "FLIP",
    "HEADER_BYTES",
    "HELLO",
    "MAX_PAYLOAD",
    "NONCE_BYTES",
    "NO_SESSION",
    "SEQUENCES",
    "SLOTS",
    "SLOT_BYTES",
    "Deframer",
    "Reply",
    "crc",
    "data_frame",
    "frame",
    "hello",
    "opened",
    "read_replies",
    "stuff",
    "unstuff",
]
