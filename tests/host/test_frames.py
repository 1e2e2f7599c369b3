"""The line's frames, the words in them, and the host's side of a session, against a model of the board."""

import random
import zlib
from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsnn_hw.host import frames, words
from qsnn_hw.host.frames import Deframer, Reply, data_frame, hello, opened, read_replies
from qsnn_hw.host.identity import TABLE_BYTES, Counters, Identity
from qsnn_hw.host.protocol import Word
from qsnn_hw.host.session import Answer, Collector, Window
from qsnn_hw.plan.address_space import AddressSpace
from qsnn_hw.support.errors import UserError

NONCE = 0x1234


def test_bytes_of_a_frame() -> None:
    """By hand: plain CRC-32 without a session, lowest byte first, flags on both sides."""
    check = zlib.crc32(bytes([0x80, 1, 0x7E, 0x42])).to_bytes(4, "little")
    assert hello(0x7E01) == b"\x7e\x80\x01\x7d\x5e\x42" + frames.stuff(check) + b"\x7e"
    assert frames.crc(b"123456789") == 0xCBF43926


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=5), st.integers(1, 2**16 - 1), st.integers(1, 9))
def test_frames_and_back_in_any_pieces(bodies: list[bytes], nonce: int, size: int) -> None:
    line = b"".join(frames.frame(body, nonce) for body in bodies)
    deframer = Deframer()
    raws = [raw for k in range(0, len(line), size) for raw in deframer.feed(line[k : k + size])]
    assert [opened(raw, nonce) for raw in raws] == bodies
    assert all(opened(raw, nonce ^ 1) is None for raw in raws)


@given(st.binary(min_size=5, max_size=60), st.integers(1, 2**16 - 1), st.integers(0, 2**32 - 1))
def test_a_spoiled_frame_is_none_and_the_next_one_is_whole(body: bytes, nonce: int, seed: int) -> None:
    chance = random.Random(seed)
    good = frames.frame(body, nonce)
    line = bytearray(good)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(line))
        kind = chance.randrange(3)
        if kind == 0:
            line[place] ^= 1 << chance.randrange(8)
        elif kind == 1 and len(line) > 1:
            del line[place]
        else:
            line.insert(place, chance.randrange(256))
    raws = Deframer().feed(bytes(line) + frames.frame(b"next", nonce))
    got = [opened(raw, nonce) for raw in raws]
    assert got[-1] == b"next"
    assert set(got[:-1]) <= {None, body, b"next"}


@given(st.integers(1, 3000), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_steps_are_the_shorter_form_and_come_back(size: int, rate: float, seed: int) -> None:
    chance = np.random.default_rng(seed)
    counts = (chance.random(size) < rate).astype(int) * chance.integers(1, 3, size)
    addresses = np.repeat(np.arange(size), counts)
    parts = words.step(addresses, size)
    (payloads, sent) = (words.packed(parts), sum(map(len, parts)))
    assert all(len(payload) <= frames.MAX_PAYLOAD for payload in payloads)
    back = [word for payload in payloads for word in words.read_payload(payload, size)]
    assert sorted(word.address for word in back) == addresses.tolist()
    assert sent <= len(addresses) * words.word_bytes(size)


def test_a_dense_step_is_a_bitmap() -> None:
    assert words.step(np.arange(10), 64) == [bytes([0x8F, 0x03, 0xFF])]
    assert words.step(np.array([5, 5]), 64) == [b"\x05", b"\x05"]
    assert len(b"".join(words.step(np.arange(784), 784))) == 2 + 98


def test_weights_fill_frames() -> None:
    data = bytes(range(256)) * 3
    for size in (5, 784):
        payloads = words.packed(words.weights(data, size))
        assert max(map(len, payloads)) <= frames.MAX_PAYLOAD
        found, count = b"", words.word_bytes(size)
        for payload in payloads:
            place = 0
            while payload[place] != frames.END:
                assert payload[place] & 0xC0 == words.WEIGHTS
                run = int.from_bytes(
                    bytes([payload[place] & 0x3F]) + payload[place + 1 : place + count], "big"
                )
                found += payload[place + count : place + count + run + 1]
                place += count + run + 1
        assert found == data
        assert sum(map(len, payloads)) < 1.03 * len(data) + 16


def test_pixels_are_those_other_than_zero() -> None:
    (payload,) = words.packed(words.pixels(np.array([0, 255, 1]), np.array([0, 3, 9]), 16))
    assert words.read_payload(payload, 16 << 8) == [
        Word(False, 3 << 8 | 255),
        Word(False, 9 << 8 | 1),
        Word(True, 1),
    ]


def test_pixels_of_a_grid_go_by_ascending_address() -> None:
    grid = AddressSpace((2, 1, 3))
    # The encoder "rate" draws its numbers in this order, whatever the order of the array is.
    payloads = words.packed(words.pixels(np.arange(1, 7), grid.addresses(), grid.size))
    sent = [word.address for payload in payloads for word in words.read_payload(payload, grid.size << 8)]
    assert sent == [0 << 8 | 1, 1 << 8 | 4, 2 << 8 | 2, 3 << 8 | 5, 4 << 8 | 3, 5 << 8 | 6, 1]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"\x05", "payload must end with 42"),
        (b"\x44\x42", "control byte must be 40, 41, 42 or 60 and above, not 44"),
    ],
)
def test_payloads_refused(payload: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        words.read_payload(payload, 64)


def test_answers_and_classes() -> None:
    sent = [Word(False, 0x141), Word(True, 0), Word(False, 2), Word(True, 1)]
    payload = words.reply_payload(sent, 0x200)
    assert payload.hex(" ") == "01 41 40 00 02 41"
    assert words.answers(payload, 0x200) == sent
    assert words.ends_sample(payload, 0x200)
    # The last byte is an address, not a last tick.
    assert not words.ends_sample(payload[:2], 0x200)
    assert words.class_answer(b"\x87", 10) == (7, True)
    for wrong in (b"", b"\x0a", b"\x01\x01"):
        with pytest.raises(UserError, match="answer must be one of 10 classes"):
            words.class_answer(wrong, 10)
    with pytest.raises(UserError, match="answer must be words of 10 addresses, not 0a"):
        words.answers(b"\x0a", 10)


class Board:
    """What docs/host_link.md says of a board that echoes events; ``slots`` frames wait until worked off."""

    def __init__(self, size: int) -> None:
        self.size, self.nonce = size, frames.NO_SESSION
        self.expected = self.freed = self.frame = self.sample = 0
        self.slots: deque[bytes] = deque()
        self.refused = False
        self.deframer = Deframer()

    def take(self, line: bytes) -> bytes:
        back = b""
        for raw in self.deframer.feed(line):
            begins = opened(raw, frames.NO_SESSION)
            body = opened(raw, self.nonce)
            if begins is not None and begins[0] == frames.HELLO:
                self.nonce = int.from_bytes(begins[1:3], "little")
                self.freed = self.expected = (self.expected + 1) % 128
                self.frame = self.sample = 0
                self.slots.clear()
            elif body is not None and self.nonce != frames.NO_SESSION and body[0] == self.expected:
                if len(self.slots) < frames.SLOTS - 1:
                    self.slots.append(body[1:])
                    self.expected = (self.expected + 1) % 128
                else:
                    self.refused = True
            else:
                self.refused = True
            back += self.reply(b"")
        return back

    def work(self) -> bytes:
        if not self.slots:
            return b""
        sent = words.read_payload(self.slots.popleft(), self.size)
        self.freed += 1
        back, held = b"", b""
        for word in sent:
            held += words.reply_payload([word], self.size)
            if word == Word(True, 1):
                back += self.reply(held)
                self.frame, self.sample, held = 0, (self.sample + 1) % 256, b""
        return back + self.reply(held)

    def reply(self, payload: bytes) -> bytes:
        made = Reply(
            self.expected,
            self.freed % 8,
            self.refused,
            False,
            False,
            True,
            self.frame,
            self.sample,
            False,
            payload,
        )
        self.refused, self.frame = False, self.frame % 255 + 1
        return frames.frame(made.body(), self.nonce)


def spoil(data: bytes, chance: random.Random, rate: float) -> bytes:
    line = bytearray()
    for byte in data:
        draw = chance.random()
        if draw < rate / 3:
            line.append(byte ^ 1 << chance.randrange(8))
        elif draw < 2 * rate / 3:
            line += bytes([byte, chance.randrange(256)])
        elif draw > rate:
            line.append(byte)
    return bytes(line)


@pytest.mark.parametrize("rate", [0.0, 0.003, 0.02])
def test_a_session_over_a_spoiled_line(rate: float) -> None:
    """No wrong answer, and all answers in the end; the board resets once on its way."""
    chance, size = random.Random(7), 300
    inputs = [[chance.randrange(size) for _ in range(chance.randrange(40))] for _ in range(40)]
    done: dict[int, list[int]] = {}
    board = Board(size)
    for nonce in range(1, 100):
        if nonce > 1:
            board.nonce = frames.NO_SESSION
        run_session(board, nonce, inputs, done, chance, rate)
        if len(done) == len(inputs):
            break
    assert done == {k: sorted(sent) for k, sent in enumerate(inputs)}


def run_session(
    board: Board,
    nonce: int,
    inputs: list[list[int]],
    done: dict[int, list[int]],
    chance: random.Random,
    rate: float,
) -> None:
    deframer = Deframer()
    window, order = None, [k for k in range(len(inputs)) if k not in done]
    collector = Collector(board.size, per_sample=False)
    line = hello(nonce)
    for turn in range(300):
        back = board.take(spoil(line, chance, rate)) + board.work()
        line = b""
        for reply in read_replies(deframer.feed(spoil(back, chance, rate)), nonce):
            if reply is None:
                collector.damaged()
                continue
            if window is None:
                window = Window(nonce, reply.expected, reply.freed)
                for k in order:
                    counts = np.bincount(inputs[k], minlength=board.size)[None]
                    window.put(words.packed(words.sample(counts, np.arange(board.size), board.size)))
            window.take(reply)
            answer = collector.take(reply)
            if answer is not None:
                got = words.answers(answer.payload, board.size)
                done[order[answer.number]] = sorted(word.address for word in got if not word.tick)
        if window is None:
            return
        if turn % 7 == 6:
            window.again()
        line = b"".join(window.frames())
        if collector.ended == len(order):
            return


def test_a_refusal_sends_all_again_once_until_there_is_progress_or_time_is_up() -> None:
    refused = Reply(5, 5, True, False, False, True, 0, 0, False, b"")
    window = Window(nonce=1, expected=5, freed=5)
    window.put([b"\x41\x42"] * 3)
    assert len(window.frames()) == 3
    for _ in range(2):
        # Each of the three is refused, as the first one was damaged.
        sent = []
        for _ in range(3):
            window.take(refused)
            sent.append(len(window.frames()))
        assert sent == [3, 0, 0]
        window.again()
        assert len(window.frames()) == 3
    window.take(replace(refused, expected=6))
    window.take(replace(refused, expected=6))
    assert len(window.frames()) == 2


def test_a_gap_drops_one_answer() -> None:
    def reply(frame: int, sample: int, payload: bytes = b"") -> Reply:
        return Reply(0, 0, False, False, False, True, frame, sample, False, payload)

    collector = Collector(64, per_sample=False)
    assert collector.take(reply(0, 0, b"\x05")) is None
    assert collector.take(reply(1, 0, b"\x41")) == Answer(0, b"\x05\x41")
    # Frame 0 of sample 1 is missing, all of samples 2 and 3 is.
    assert collector.take(reply(1, 1, b"\x41")) is None
    assert collector.take(reply(0, 4, b"\x07\x41")) == Answer(4, b"\x07\x41")
    # Noise in the middle: the numbers fit, and the sample is dropped all the same.
    collector.take(reply(0, 5, b"\x01"))
    collector.damaged()
    assert collector.take(reply(1, 5, b"\x41")) is None
    assert collector.take(reply(0, 6, b"\x41")) == Answer(6, b"\x41")
    assert collector.ended == 7


def test_frame_numbers_start_over_at_one() -> None:
    collector = Collector(64, per_sample=False)
    numbers = [0, *range(1, 256), 1, 2]
    for number in numbers[:-1]:
        collector.take(Reply(0, 0, False, False, False, True, number, 0, False, b"\x05"))
    last = collector.take(Reply(0, 0, False, False, False, True, 2, 0, False, b"\x41"))
    assert last is not None
    assert len(last.payload) == len(numbers)


def test_table_and_back() -> None:
    identity = Identity(True, False, True, 20, 784, 10, 12345, 25_000_000, bytes(range(16)), "0.2.0")
    counters = Counters(1, 2, 3, 4, 5, 6, 7, 8)
    table = identity.pack() + counters.pack()
    assert len(table) == TABLE_BYTES == 96
    assert not any(identity.tools)
    told = replace(identity, tools=bytes(range(8)))
    assert Identity.unpack(told.pack()) == told
    assert Identity.unpack(table) == identity
    assert Counters.unpack(table) == counters
    with pytest.raises(UserError, match="of version 9"):
        Identity.unpack(b"\x09" + table[1:])


def test_frame_errors() -> None:
    with pytest.raises(UserError, match="payload must be from 1 to 251 bytes, not 253"):
        data_frame(0, bytes(253), NONCE)
    with pytest.raises(UserError, match="nonce must be from 1 to 65535"):
        hello(frames.NO_SESSION)
