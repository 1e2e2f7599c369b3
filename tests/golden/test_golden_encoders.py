"""Encoders and readouts in NumPy against their definitions, pixel by pixel and sample by sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsnn_hw.golden.encoders import (
    LFSR_BITS,
    LFSR_TAP,
    direct_counts,
    latency_spikes,
    lfsr_numbers,
    lfsr_start,
    rate_spikes,
)
from qsnn_hw.model.readouts import count_class, first_class, membrane_class
from qsnn_hw.plan.address_space import AddressSpace


def images(seed: int, samples: int, inputs: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (samples, inputs), dtype=np.uint8)
    pixels[chance.random(pixels.shape) < 0.4] = 0
    return pixels


def power_of_x(exponent: int, polynomial: int) -> int:
    """x to the ``exponent`` modulo a polynomial over GF(2), by squaring."""
    degree = polynomial.bit_length() - 1

    def times(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a if b & 1 else 0
            a, b = a << 1, b >> 1
            a ^= polynomial if a >> degree else 0
        return product

    result, square = 1, 2
    while exponent:
        result = times(result, square) if exponent & 1 else result
        square, exponent = times(square, square), exponent >> 1
    return result


def test_the_shift_register_repeats_only_after_every_state() -> None:
    polynomial = 1 << LFSR_BITS | 1 << (LFSR_BITS - LFSR_TAP) | 1
    period = (1 << LFSR_BITS) - 1
    factors = (13367, 164511353)
    assert factors[0] * factors[1] == period
    assert power_of_x(period, polynomial) == 1
    for factor in factors:
        assert power_of_x(period // factor, polynomial) != 1


def test_random_numbers_bit_by_bit() -> None:
    bits = [lfsr_start(9) >> k & 1 for k in range(LFSR_BITS)]
    for _ in range(8 * 100):
        bits.append(bits[-LFSR_BITS] ^ bits[-LFSR_TAP])
    made = bits[LFSR_BITS:]
    wanted = [sum(made[8 * n + k] << k for k in range(8)) for n in range(100)]
    assert lfsr_numbers(100, 9).tolist() == wanted
    assert lfsr_numbers(0, 9).tolist() == []


@pytest.mark.parametrize("seed", [1, 2, 3, 12345])
def test_random_numbers_are_even_and_unrelated(seed: int) -> None:
    numbers = lfsr_numbers(20_000, seed)
    counts = np.bincount(numbers, minlength=256)
    # Chi squared with 255 degrees of freedom: mean 255, standard deviation 22.6.
    assert 255 - 6 * 22.6 < ((counts - 20_000 / 256) ** 2 / (20_000 / 256)).sum() < 255 + 6 * 22.6
    for lag in (1, 2, 4, 28):
        assert abs(np.corrcoef(numbers[:-lag], numbers[lag:])[0, 1]) < 0.03
    # The first numbers count, too: a register of few ones would begin with many zeros.
    assert 60 < lfsr_numbers(100, seed).mean() < 195


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([1, 2, 4]), st.integers(1, 99))
def test_rate_by_its_definition(seed: int, steps: int, slots: int, start: int) -> None:
    space = AddressSpace((2, 3, 3)) if seed % 2 else AddressSpace((11,))
    pixels = images(seed, 3, space.neurons)
    addresses = space.addresses()
    by_address = sorted(range(space.neurons), key=lambda i: addresses[i])
    spikes = rate_spikes(pixels, steps, seed=start, addresses=addresses, slots=slots)
    wanted = np.zeros_like(spikes)
    numbers = iter(())
    for sample, image in enumerate(pixels):
        numbers = iter(lfsr_numbers(1000, start).tolist())
        queues = [[i for i in by_address if image[i] and addresses[i] % slots == k] for k in range(slots)]
        for step in range(steps):
            for place in range(max(map(len, queues))):
                for queue in queues:
                    number = next(numbers)
                    if place < len(queue):
                        wanted[step, sample, queue[place]] = number < image[queue[place]]
    np.testing.assert_array_equal(spikes, wanted)


def test_rate_follows_the_pixel() -> None:
    pixels = np.repeat(np.array([[0, 1, 64, 128, 255]], dtype=np.uint8), 40, axis=1)
    spikes = rate_spikes(pixels, 200)
    mean = spikes.mean(axis=(0, 1)).reshape(5, 40).mean(axis=1)
    np.testing.assert_allclose(mean, np.array([0, 1, 64, 128, 255]) / 256, atol=0.02)
    assert mean[0] == 0


def test_rate_forgets_the_samples_before() -> None:
    pixels = images(3, 4, 30)
    together = rate_spikes(pixels, 6)
    for sample in range(4):
        np.testing.assert_array_equal(together[:, [sample]], rate_spikes(pixels[[sample]], 6))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 8, 25, 256])
def test_latency_of_every_pixel(steps: int) -> None:
    pixels = np.arange(256, dtype=np.uint8)[None]
    spikes = latency_spikes(pixels, steps, floor=20)
    assert spikes.shape == (steps, 1, 256)
    for p in range(256):
        wanted = [int(p >= 20 and (255 - p) * steps // 256 == step) for step in range(steps)]
        assert spikes[:, 0, p].tolist() == wanted
    assert spikes.sum() == 236
    assert spikes[0, 0, 255] == 1


def test_direct_repeats_the_pixel() -> None:
    pixels = images(5, 2, 9)
    counts = direct_counts(pixels, 3, shift=4)
    assert counts.dtype == np.uint8
    for step in range(3):
        np.testing.assert_array_equal(counts[step], pixels // 16)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 5), st.floats(0.0, 0.8))
def test_classes_by_their_definitions(seed: int, steps: int, classes: int, density: float) -> None:
    chance = np.random.default_rng(seed)
    spikes = (chance.random((steps, 5, classes)) < density).astype(np.uint8) * chance.integers(
        1, 4, (1, 5, 1)
    )
    count, count_silent = count_class(spikes, count_bits=2)
    first, first_silent = first_class(spikes)
    for sample in range(5):
        own = spikes[:, sample]
        totals = [min(3, int(own[:, c].sum())) for c in range(classes)]
        assert count[sample] == totals.index(max(totals))
        assert count_silent[sample] == first_silent[sample] == (max(totals) == 0)
        order = [c for step in own for c in range(classes) if step[c]]
        assert first[sample] == (order[0] if order else 0)


def test_membrane_class() -> None:
    potentials = np.array([[[5, -1, 9]], [[-3, 2, 2]]])
    assert membrane_class(potentials)[0].tolist() == [1]
    assert membrane_class(potentials, every_step=True)[0].tolist() == [2]
    assert membrane_class(potentials)[1].tolist() == [False]
