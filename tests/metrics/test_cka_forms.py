"""CKA over narrow and wide layers of several precisions."""

import torch

from platometer import alignment, metrics


def layers(widths, dtype, n=400, seed=0):
    chance = torch.Generator().manual_seed(seed)
    seen = torch.randn(n, 6, generator=chance, dtype=torch.float64)
    return {str(d): (seen @ torch.randn(6, d, generator=chance, dtype=torch.float64)
                     + torch.randn(n, d, generator=chance, dtype=torch.float64)).to(dtype) for d in widths}


def test_narrow_and_wide_layers_of_any_precision_meet_in_one_grid():
    for estimator in ("biased", "debiased"):
        spec = f"cka(estimator={estimator})"
        x, y = layers((4, 64), torch.float32), layers((8, 96), torch.float32, seed=1)
        exact = [[alignment.score(a.double(), b.double(), spec, conditioning="none") for b in y.values()] for a in x.values()]
        found = alignment.align(x, y, spec, conditioning="none", draws=0)
        assert torch.allclose(torch.as_tensor(found.grid), torch.tensor(exact, dtype=torch.float64), atol=1e-5)


def test_their_null_is_that_of_the_plain_loop():
    metric = metrics.parse("cka(estimator=debiased)")
    x, y = layers((4, 64), torch.float32), layers((8, 96), torch.float32, seed=1)
    orders = torch.stack([torch.randperm(400, generator=torch.Generator().manual_seed(i)) for i in range(3)])
    lefts, rights = ([metric.prepare(value) for value in side.values()] for side in (x, y))
    lefts[0] = metric.prepare(x["4"].double())
    assert {a.gram.dtype for a in lefts} == {torch.float32, torch.float64} or len(x["4"]) < 512
    found = metric.null_grid(lefts, rights, orders)
    for draw, order in zip(found, orders, strict=True):
        plain = [[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts]
        assert torch.allclose(draw, torch.tensor(plain, dtype=torch.float64), atol=1e-5)
