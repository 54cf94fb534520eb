"""Classes against instances, and many texts for one sample: laws, identities, and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from platometer.alignment import align
from platometer.errors import InputError, ShapeError
from platometer.trends import class_agreement, layer_profile, many_to_many


def _spaces(shared: float, n: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two spaces of three classes whose samples share this much beside their class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    middle, z = 5 * np.eye(3)[labels], rng.normal(size=(n, 4))
    sides = [np.hstack([middle, shared * z @ rng.normal(size=(4, 4)) + 0.3 * rng.normal(size=(n, 4))]) for _ in range(2)]
    return sides[0], sides[1], labels


def test_spaces_that_share_classes_alone_agree_on_nothing_beyond_them() -> None:
    x, y, labels = _spaces(0.0)
    found = class_agreement(x, y, labels, k=8, draws=200)
    assert found.classes.score > 0.95
    assert found.classes.p == found.instances.p == pytest.approx(1 / 201)
    assert found.p_beyond > 0.05
    assert found.by_class == pytest.approx(8 / 29, abs=0.01)  # of the class's 29 others, 8 at random


def test_spaces_that_share_more_than_classes_are_told() -> None:
    x, y, labels = _spaces(2.0)
    found = class_agreement(x, y, labels, k=8, draws=200)
    assert found.p_beyond == pytest.approx(1 / 201)
    assert found.instances.score > found.by_class
    assert "beyond classes +" in str(found)


def test_a_space_of_mixed_classes_agrees_with_one_of_pure_classes_by_chance_alone() -> None:
    x, _, labels = _spaces(0.0)
    mixed = np.random.default_rng(9).normal(size=(90, 4))
    found = class_agreement(x, mixed, labels, k=8, draws=400)
    assert found.classes.chance == pytest.approx(found.classes.score, abs=0.05)
    assert 0.01 < found.classes.p < 0.99


def test_instances_are_mutual_knn_and_never_agree_more_than_classes() -> None:
    x, y, labels = _spaces(1.0, seed=3)
    found = class_agreement(x, y, labels, k=8, draws=10)
    assert found.instances.score == pytest.approx(align(x, y, "mutual_knn(k=8)", draws=0).score)
    assert found.instances.score <= found.classes.score <= 1


def test_labels_that_say_nothing_are_errors() -> None:
    x, y, labels = _spaces(1.0)
    with pytest.raises(ShapeError, match="89 labels for 90 samples"):
        class_agreement(x, y, labels[:-1], draws=10)
    with pytest.raises(ShapeError, match=r"^1 label for 90 samples"):
        class_agreement(x, y, labels[:1], draws=10)
    for odd, said in ((np.zeros(90), "^1 class of 90 samples"), (np.arange(90), "^90 classes of 90 samples")):
        with pytest.raises(InputError, match=f"{said}; expected at least two classes"):
            class_agreement(x, y, list(odd), draws=10)


def test_with_one_text_each_it_is_mutual_knn() -> None:
    x, y, _ = _spaces(1.0)
    found = many_to_many(x, y, range(90), k=7, draws=50)
    assert found.score == pytest.approx(align(x, y, "mutual_knn(k=7)", draws=0).score)
    assert found.chance == pytest.approx(7 / 89, abs=0.02)
    assert found.p == pytest.approx(1 / 51)


def test_every_text_counts_and_a_sample_is_as_near_as_its_nearest_text() -> None:
    rng = np.random.default_rng(1)
    x = torch.tensor(rng.normal(size=(12, 5)))
    owners = [i % 12 for i in range(30)]
    y = torch.tensor(rng.normal(size=(30, 5)))
    found = many_to_many(x, y, owners, k=3, draws=5, conditioning="none")
    similar, total = y @ y.T, 0
    for t, owner in enumerate(owners):  # literally
        best = {j: max(float(similar[t, s]) for s in range(30) if owners[s] == j) for j in range(12) if j != owner}
        near = sorted(best, key=lambda j: -best[j])[:3]
        pictured = sorted((j for j in range(12) if j != owner), key=lambda j: -float(x[owner] @ x[j]))[:3]
        total += len(set(near) & set(pictured))
    assert found.score == pytest.approx(total / (30 * 3))


def test_texts_without_a_picture_are_errors() -> None:
    with pytest.raises(ShapeError, match="2 owners for 3 texts"):
        many_to_many(np.eye(3), np.eye(3), [0, 1])
    with pytest.raises(InputError, match="owners name 2 samples between 0 and 1; expected each of the rows 0 to 2"):
        many_to_many(np.eye(3), np.eye(3), [0, 1, 1])


def test_a_profile_peaks_where_its_layer_is_best_and_counts_every_partner() -> None:
    grid = np.array([[0.1, 0.0], [0.2, 0.9], [0.3, 0.1]])
    found = {one.model: one for one in layer_profile([
        {"left": "a", "right": "b", "alike": "high", "grid": grid},
        {"left": "a", "right": "c", "alike": "high", "grid": grid[::-1, :1]}])}
    assert (found["a"].peak, found["a"].partners, found["a"].layers) == (0.25, 2, 3)  # the middle, and the first
    assert found["a"].curve[0] == pytest.approx((0.1 + 0.3) / 2)
    assert found["a"].curve[5] == pytest.approx((0.9 + 0.2) / 2)
    assert (found["b"].peak, found["b"].curve[-1]) == (1.0, 0.9)
    assert "c" not in found  # of one layer


def test_where_low_is_alike_the_least_is_the_peak() -> None:
    found = layer_profile([{"left": "a", "right": "b", "alike": "low", "grid": [[3.0], [1.0], [2.0]]}])
    assert (found[0].peak, found[0].curve[5]) == (0.5, 1.0)
    with pytest.raises(InputError, match="No model has two layers"):
        layer_profile([{"left": "a", "right": "b", "grid": [[1.0]]}])
