"""Test that 8-bit products are close to the exact ones, even with outliers, and bitwise equal alone or in a batch."""

import pytest
import torch

from rag.generation.int8_linear import BLOCK, Int8Linear, supported

pytestmark = pytest.mark.skipif(not supported(), reason="this processor does not multiply 8-bit numbers fast")


def matrix(outputs: int, inputs: int) -> torch.Tensor:
    return torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(outputs)) / inputs**0.5


def tokens(count: int, inputs: int) -> torch.Tensor:
    return torch.randn(count, inputs, generator=torch.Generator().manual_seed(count))


def error(linear: Int8Linear, inputs: torch.Tensor, exact: torch.Tensor) -> float:
    return float((linear(inputs) - exact).norm() / exact.norm())


def test_a_product_is_close_to_the_exact_one() -> None:
    weights, bias, inputs = matrix(96, 256), torch.arange(96.0), tokens(7, 256)
    assert error(Int8Linear((96, 256), [weights.clone()], bias), inputs, inputs @ weights.T + bias) < 0.001
    assert error(Int8Linear((96, 256), [weights.clone()]), inputs, inputs @ weights.T) < 0.02


def test_the_rows_of_the_weights_can_be_given_in_pieces_of_any_height() -> None:
    weights, inputs = matrix(96, 256), tokens(3, 256)
    whole, pieces = Int8Linear((96, 256), [weights.clone()]), Int8Linear((96, 256), list(weights.clone().split([1, 39, 56])))
    assert torch.equal(whole(inputs), pieces(inputs))


def test_an_outlier_reduces_the_precision_only_of_its_own_block() -> None:
    wide, inputs = matrix(64, 4 * BLOCK), tokens(4, 4 * BLOCK)
    inputs[:, 0] = 1000
    far = Int8Linear((64, 4 * BLOCK), [wide.clone()])(inputs) - inputs @ wide.T
    narrow = torch.cat([wide[:, :BLOCK]], 1)
    near = Int8Linear((64, BLOCK), [narrow.clone()])(inputs[:, :BLOCK]) - inputs[:, :BLOCK] @ narrow.T
    assert float(far.norm()) < 1.2 * float(near.norm())


def test_constant_and_zero_inputs_are_multiplied_correctly() -> None:
    weights = matrix(32, 64)
    linear = Int8Linear((32, 64), [weights.clone()])
    for value in (0.0, 2.5, -1.0):
        inputs = torch.full((2, 64), value)
        torch.testing.assert_close(linear(inputs), inputs @ weights.T, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("inputs", [128, 4 * BLOCK])
def test_a_product_is_bitwise_equal_alone_or_in_a_batch_and_before_or_after_packing(inputs: int) -> None:
    linear, many = Int8Linear((64, inputs), [matrix(64, inputs)], torch.linspace(-1, 1, 64)), tokens(40, inputs)
    before = linear(many)
    assert torch.equal(linear(many[13:14]), before[13:14])
    linear.pack()
    assert torch.equal(linear(many), before)
    assert torch.equal(linear(many[13:14]), before[13:14])
