"""Clusters of images, found without labels."""

from pathlib import Path

import pytest
import torch

from gan.data import clusters
from gan.data.clusters import cluster_images, find_clusters, nearest
from gan.data.module import ImageData
from gan.system.errors import DataError


def blobs(sizes: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy copies of a few random images, uint8 (N, 1, 12, 12), and the number of the original of each."""
    generator = torch.Generator().manual_seed(0)
    originals = torch.randint(40, 216, (len(sizes), 1, 12, 12), generator=generator)
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    labels = labels[torch.randperm(len(labels), generator=generator)]
    noise = torch.randint(-40, 40, (len(labels), 1, 12, 12), generator=generator)
    return (originals[labels] + noise).to(torch.uint8), labels


def test_groups_of_similar_images_are_found_and_the_largest_comes_first() -> None:
    images, labels = blobs((60, 150, 90))
    found = find_clusters(images, 3, seed=0)
    assert torch.bincount(found).tolist() == [150, 90, 60]
    assert torch.equal(found, torch.tensor([2, 0, 1])[labels])


def test_the_same_seed_gives_the_same_clusters() -> None:
    images = blobs((60, 150, 90))[0]
    assert torch.equal(find_clusters(images, 6, seed=1), find_clusters(images, 6, seed=1))


def test_digits_of_one_cluster_are_mostly_of_one_class() -> None:
    data = ImageData("mnist_sample")
    data.setup()
    images, labels = data.loaded.images[:3000], data.loaded.labels[:3000]
    found = find_clusters(images, 20, seed=0)
    largest = sum(int(torch.bincount(labels[found == number]).max()) for number in range(20))
    assert largest / len(labels) > 0.8  # k-means on pixels: 0.71


def test_images_beyond_the_graph_get_the_cluster_of_their_nearest_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MAX_IN_GRAPH", 100)
    images, labels = blobs((60, 150, 90))
    found = find_clusters(images, 3, seed=0)
    assert torch.equal(found, torch.tensor([2, 0, 1])[labels])


def test_nearest_rows_are_exact() -> None:
    queries = torch.randn(70, 5, generator=torch.Generator().manual_seed(0))
    rows = torch.randn(1000, 5, generator=torch.Generator().manual_seed(1))
    expected = torch.cdist(queries, rows, compute_mode="donot_use_mm_for_euclid_dist").topk(4, largest=False).indices
    assert torch.equal(nearest(queries, rows, 4), expected)


@pytest.mark.parametrize("count", [5, 10])
def test_clusters_need_more_images_than_clusters(count: int) -> None:
    with pytest.raises(DataError, match=f"model.clusters: 10 given, and {count} training images"):
        find_clusters(blobs((count,))[0], 10, seed=0)


def test_equal_images_are_no_error() -> None:
    found = find_clusters(torch.zeros(30, 1, 8, 8, dtype=torch.uint8), 3, seed=0)
    assert torch.bincount(found, minlength=3).min() > 0


def test_points_and_images_of_three_channels_have_clusters_too() -> None:
    points = torch.rand(200, 2, 1, 1, generator=torch.Generator().manual_seed(0))
    assert torch.bincount(find_clusters(points, 4, seed=0)).min() > 0
    images = torch.randint(0, 256, (60, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.bincount(find_clusters(images, 4, seed=0)).min() > 0


def test_clusters_are_found_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images = blobs((30, 20))[0]
    found = cluster_images(images, 2, seed=0)
    monkeypatch.setattr(clusters, "find_clusters", lambda *_: pytest.fail("they are in the cache"))
    assert torch.equal(cluster_images(images, 2, seed=0), found)


def test_the_data_module_serves_clusters_in_place_of_labels() -> None:
    data = ImageData("mnist_sample", batch_size=100)
    data.setup()
    shares = data.find_clusters(5)
    labels = torch.cat([labels for _, labels in data.train_dataloader()])
    assert torch.allclose(torch.bincount(labels) / 9000, torch.tensor(shares).float(), atol=1e-6)
    assert data.num_classes == 10
    assert torch.bincount(data.loaded.labels).numel() == 10
