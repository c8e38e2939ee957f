"""The label attention in a compiled graph: the values of the loop over labels, in a small memory."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from bench.methods.layers.attention import FusedScores, HiddenScores

IMAGES, POSITIONS, LABELS, HIDDEN = 3, 7, 5, 16


def arguments() -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    shapes = (IMAGES, POSITIONS, HIDDEN), (LABELS, HIDDEN), (HIDDEN,)
    image, labels, direction = (
        torch.randn(shape, generator=draw, dtype=torch.float64).requires_grad_() for shape in shapes
    )
    return image, labels, direction


def test_the_fused_scores_are_those_of_the_loop_with_the_same_gradients() -> None:
    given = arguments()
    gradient = torch.randn(
        LABELS, IMAGES, POSITIONS, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    loop, fused = HiddenScores.apply(*given, 2), FusedScores.apply(*given)
    torch.testing.assert_close(fused, loop, rtol=1e-12, atol=1e-12)
    for one, other in zip(
        torch.autograd.grad(fused, given, gradient), torch.autograd.grad(loop, given, gradient), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_the_gradients_of_the_fused_scores_are_those_of_differences() -> None:
    assert torch.autograd.gradcheck(FusedScores.apply, arguments())


COMPILED = """
import resource, torch
from bench.methods.layers.attention import LabelAttention

def held():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

attention = LabelAttention(32, 8, 512)
compiled = torch.compile(attention, fullgraph=True)
positions, labels = torch.randn(4, 100, 32), torch.randn(500, 8)
compiled(positions[:, :3], labels[:2]).square().sum().backward()  # loads the compiler
torch.compiler.reset()
before = held()
compiled(positions, labels).square().sum().backward()
print(held() - before)
"""


@pytest.mark.slow
def test_a_compiled_training_step_never_holds_the_hidden_vectors_of_all_labels() -> None:
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False)
    if "InvalidCxxCompiler" in done.stderr:
        pytest.skip("torch.compile needs a C++ compiler")
    assert done.returncode == 0, done.stderr
    whole = 500 * 4 * 100 * 512 * 4 >> 20
    assert whole > 350 and int(done.stdout) < whole / 4
