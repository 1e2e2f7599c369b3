"""A model of a board, as docs/host_link.md describes one: golden behind frames, on a pseudo-terminal."""

import os
import pty
import threading
import time
import tty
from collections import deque
from dataclasses import replace

import numpy as np

from qsnn_hw.golden import run_clocked
from qsnn_hw.golden.encoders import sent_spikes
from qsnn_hw.host import frames, words
from qsnn_hw.host.frames import Deframer, Reply, opened
from qsnn_hw.host.identity import Counters
from qsnn_hw.host.protocol import PIXEL_BITS, Word, sample_spikes
from qsnn_hw.plan import HardwarePlan
from qsnn_hw.plan.identity import DesignTools, plan_identity
from qsnn_hw.quantize import QuantizedNetwork


class BoardModel:
    """Bytes in, bytes out.

    Parameters
    ----------
    plan, network
        The design, and what it computes.

    Attributes
    ----------
    tools
        What the bitstream was made by; None: it is simulated.
    """

    tools: DesignTools | None = None

    def __init__(self, plan: HardwarePlan, network: QuantizedNetwork) -> None:
        self._plan, self._network = plan, network
        self._size = plan.input_addresses if plan.encoder is None else plan.encoder.space.size << PIXEL_BITS
        self._deframer = Deframer()
        self._expected = 0
        self._slots: deque[bytes] = deque()
        self.counters = Counters(0, 0, 0, 0, 0, 0, 0, 0)
        self.start_over()

    def start_over(self) -> None:
        """As after configuration, a break or the button."""
        self._nonce = frames.NO_SESSION
        self._freed = self._frame = self._sample = 0
        self._refused = False
        self._slots.clear()
        self._held: list[Word] = []

    def take(self, line: bytes) -> bytes:
        """What the board sends when these bytes have come and it has worked them off."""
        back = b""
        for raw in self._deframer.feed(line):
            begins, body = opened(raw, frames.NO_SESSION), opened(raw, self._nonce)
            if begins is not None and begins[0] == frames.HELLO:
                self.start_over()
                self._nonce = int.from_bytes(begins[1 : 1 + frames.NONCE_BYTES], "little")
                self._freed = self._expected = (self._expected + 1) % frames.SEQUENCES
            elif body is not None and self._nonce != frames.NO_SESSION and body[0] == self._expected:
                self._slots.append(body[1:])
                self._expected = (self._expected + 1) % frames.SEQUENCES
            else:
                self._refused = True
            back += self._reply(b"")
        while self._slots:
            back += self._work(self._slots.popleft())
        return back

    def _work(self, payload: bytes) -> bytes:
        self._freed += 1
        if payload == words.table_request():
            counters = replace(self.counters, periods=time.monotonic_ns() * 25 // 128000 % 2**32)
            table = plan_identity(self._plan, 25.0, self.tools).pack() + counters.pack()
            rows = [self._reply(table[k : k + 4], status=True) for k in range(0, len(table), 4)]
            return b"".join(rows) + self._reply(b"")
        back = b""
        for word in words.read_payload(payload, self._size):
            self._held.append(word)
            if word == Word(True, 1):
                self.counters = replace(self.counters, ticks_out=self.counters.ticks_out + 1)
                back += self._reply(self._answer())
                self._frame, self._sample, self._held = 0, (self._sample + 1) % 256, []
        return back + self._reply(b"")

    def _answer(self) -> bytes:
        plan = self._plan
        if plan.encoder is None:
            spikes = sample_spikes(self._held, plan.input_space)[:, None]
        else:
            values = np.zeros((1, plan.encoder.space.size), dtype=np.uint8)
            for word in self._held[:-1]:
                values[0, word.address >> PIXEL_BITS] = word.address & 0xFF
            spikes = sent_spikes(plan.encoder, values[:, plan.encoder.space.addresses()])
        spikes = spikes.reshape(*spikes.shape[:2], *self._network.input_shape).astype(np.uint8)
        group = plan.output_group.group
        golden = run_clocked(self._network, spikes, record=[group])
        if plan.readout is not None:
            (label,), (silent,) = plan.readout.answers(golden.spikes[group], golden.potentials[group])
            word = bytearray(words.event(int(label), plan.readout.classes))
            word[0] |= words.SILENT * bool(silent)
            return bytes(word)
        told: list[Word] = []
        addresses = plan.output_space.addresses()
        steps = golden.spikes[group][:, 0]
        for step, row in enumerate(steps):
            events = np.sort(np.repeat(addresses, row))[::-1]
            told += [Word(False, int(address)) for address in events]
            told.append(Word(True, int(step == len(steps) - 1)))
        return words.reply_payload(told, plan.output_addresses)

    def _reply(self, payload: bytes, *, status: bool = False) -> bytes:
        made = Reply(
            expected=self._expected,
            freed=self._freed % frames.SLOTS,
            refused=self._refused,
            lost=False,
            ignored=False,
            loaded=True,
            frame=self._frame,
            sample=self._sample,
            status=status,
            payload=payload,
        )
        self._refused, self._frame = False, self._frame % 255 + 1
        return frames.frame(made.body(), self._nonce)


class ModelPort:
    """A :class:`BoardModel` behind a pseudo-terminal, until it is closed; a context manager."""

    def __init__(self, model: BoardModel) -> None:
        self.model = model
        self.deaf = False
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop, self._told = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "ModelPort":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        import select

        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in ready:
                return
            data = os.read(self._master, 4096)
            if not self.deaf:
                back = self.model.take(data)
                while back:
                    back = back[os.write(self._master, back) :]

    def close(self) -> None:
        """End it: whoever has the port open finds it gone."""
        if self._thread.is_alive():
            os.write(self._told, b"x")
            self._thread.join()
            for handle in (self._master, self._slave, self._stop, self._told):
                os.close(handle)
