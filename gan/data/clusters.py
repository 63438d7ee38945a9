"""Clusters of the training images, used as classes if the data have none.

Spectral clustering (Ng, Jordan and Weiss 2001, "On Spectral Clustering: Analysis and an Algorithm") of the graph that
connects each image with its nearest neighbours. No label is read. Training on clusters: Liu et al. 2020, "Diverse Image
Generation via Self-Conditioned GANs".
"""

import warnings

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from gan.system.errors import DataError, counted
from gan.system.random_streams import stream_seed
from gan.system.tensor_cache import cached, digest

VERSION = 1  # of the algorithm, part of the key in the cache
COMPONENTS = 50  # principal components of the pixels, in which distances are measured
MAX_SIDE = 32  # pixels; larger images are made smaller first
NEIGHBOURS = 10  # of each image in the graph
MAX_IN_GRAPH = 60_000  # images; each further one gets the cluster of its nearest neighbour in the graph
BLOCK, GROUP = 64, 64  # rows whose distances are in memory at once; columns that are searched together
ROUNDS, STEPS = 60, 3  # orthogonalisations, and products with the matrix before each
STARTS, ITERATIONS = 3, 100  # of k-means; the best start counts


def cluster_images(images: Tensor, clusters: int, seed: int) -> Tensor:
    """The cluster of each image, from the user's cache folder if it is there.

    Args:
        images: uint8 (N, C, H, W), or points, float32 (N, 2, 1, 1).
        clusters: number of clusters, 2 or more.
        seed: seed of the random numbers.

    Returns:
        int64 (N,), in 0 … clusters - 1. Every cluster has images; the largest has number 0.

    Raises:
        DataError: there are too few images for so many clusters.
    """
    key = {"images": digest(images), "clusters": str(clusters), "seed": str(seed), "version": str(VERSION)}
    found = cached("clusters", key, lambda: {"clusters": find_clusters(images, clusters, seed).short()})
    return found["clusters"].long()


def find_clusters(images: Tensor, clusters: int, seed: int) -> Tensor:
    """The cluster of each image, without the cache; see `cluster_images`."""
    generator = torch.Generator().manual_seed(stream_seed(seed, 0, "clusters", 0))
    rows = principal_components(images)
    chosen = torch.randperm(len(rows), generator=generator)[:MAX_IN_GRAPH].sort().values
    graph = rows[chosen]
    if len(graph) <= clusters:
        raise _too_many(clusters, len(images), len(graph) - 1)
    neighbours = nearest(graph, graph, min(NEIGHBOURS + 1, len(graph)))[:, 1:]
    found = _k_means(_spectral_embedding(neighbours, clusters, generator), clusters, generator)
    if len(graph) < len(rows):
        others = torch.ones(len(rows), dtype=torch.bool).index_fill_(0, chosen, False).nonzero().flatten()
        assigned = torch.empty(len(rows), dtype=torch.int64)
        assigned[chosen] = found
        assigned[others] = found[nearest(rows[others], graph, 1)[:, 0]]
        found = assigned
    counts = torch.bincount(found, minlength=clusters)
    if counts.min() == 0:
        raise _too_many(clusters, len(images), int((counts > 0).sum()))
    rank = torch.empty_like(counts)
    rank[counts.argsort(descending=True, stable=True)] = torch.arange(clusters)
    return rank[found]


def principal_components(images: Tensor) -> Tensor:
    """The first 50 or fewer principal components (N, K), float32, of the pixels in [0, 1]."""
    rows = torch.cat([_pixels(part) for part in images.split(BLOCK)])
    rows -= rows.mean(dim=0)
    if rows.shape[1] <= COMPONENTS:
        return rows
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        directions = torch.svd_lowrank(rows, q=COMPONENTS + 10, niter=4)[2][:, :COMPONENTS]
    return rows @ directions


def _pixels(images: Tensor) -> Tensor:
    """Rows of pixels in [0, 1], float32; large images are made smaller."""
    pixels = images if images.is_floating_point() else images.float() / 255
    return (adaptive_avg_pool2d(pixels, MAX_SIDE) if images.shape[-1] > MAX_SIDE else pixels).flatten(1)


def nearest(queries: Tensor, rows: Tensor, count: int) -> Tensor:
    """The numbers of the ``count`` nearest of ``rows`` (M, D) to each query (N, D): int64 (N, count), nearest first.

    Exact. The nearest rows are in the ``count`` groups with the smallest minimum, so only these are sorted.
    """
    groups = -(-len(rows) // GROUP)  # row i is in group i % groups: torch is fast with minima over strided rows
    padding = groups * GROUP - len(rows)
    lengths = torch.nn.functional.pad(rows.square().sum(dim=1), (0, padding), value=float("inf"))
    padded = torch.nn.functional.pad(rows, (0, 0, 0, padding)).T.contiguous()
    found = []
    for part in queries.split(BLOCK):
        distances = torch.addmm(lengths, part, padded, alpha=-2).view(len(part), GROUP, groups)
        near = distances.amin(dim=1).topk(min(count, groups), largest=False).indices  # (n, groups that are searched)
        candidates = distances.gather(2, near[:, None, :].expand(-1, GROUP, -1)).flatten(1)
        best = candidates.topk(count, largest=False).indices
        place = torch.div(best, near.shape[1], rounding_mode="floor")
        found.append(near.gather(1, best % near.shape[1]) + groups * place)
    return torch.cat(found)


def _spectral_embedding(neighbours: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """The first eigenvectors of the normalised graph as rows of length 1: float32 (N, size).

    Found by orthogonal iteration with a few more vectors than are needed.
    """
    count, each = neighbours.shape
    start, end = torch.arange(count).repeat_interleave(each), neighbours.flatten()
    edges = torch.stack([torch.cat([start, end]), torch.cat([end, start])])
    with warnings.catch_warnings(action="ignore"):  # torch's, that it does not check these indices
        both = torch.sparse_coo_tensor(edges, torch.ones(edges.shape[1]), (count, count)).coalesce()
    scale = torch.sparse.sum(both, dim=1).to_dense().clamp(min=1).rsqrt()
    row, column = both.indices()
    weights = both.values() * scale[row] * scale[column]
    with warnings.catch_warnings(action="ignore"):  # torch's: its CSR matrices are new
        graph = torch.sparse_coo_tensor(both.indices(), weights, (count, count)).to_sparse_csr()
    vectors = torch.randn(count, min(size + 10, count), generator=generator)
    for _ in range(ROUNDS):
        for _ in range(STEPS):
            vectors = (vectors + graph @ vectors) / 2  # eigenvalues from 0 to 1
        vectors = torch.linalg.qr(vectors).Q
    _, turn = torch.linalg.eigh(vectors.T @ graph @ vectors)  # in ascending order
    embedding = (vectors @ turn)[:, -size:]
    return torch.nn.functional.normalize(embedding, dim=1)


def _k_means(rows: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """The cluster of each row (Lloyd 1982): the best of several starts, by the sum of squared distances."""
    best, least = torch.zeros(len(rows), dtype=torch.int64), float("inf")
    for _ in range(STARTS):
        centres = _initial_centres(rows, clusters, generator)
        for _ in range(ITERATIONS):
            distances, found = torch.cdist(rows, centres).min(dim=1)
            moved = _centres(rows, found, distances, clusters)
            if torch.equal(moved, centres):
                break
            centres = moved
        distances, found = torch.cdist(rows, centres).min(dim=1)
        if (total := distances.square().sum().item()) < least:
            best, least = found, total
    return best


def _initial_centres(rows: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """Random rows; the probability is proportional to the squared distance from the rows that are already drawn.

    k-means++: Arthur and Vassilvitskii 2007.
    """
    chosen = [int(torch.randint(len(rows), (), generator=generator))]
    squared = (rows - rows[chosen[0]]).square().sum(dim=1)
    for _ in range(clusters - 1):
        cumulative = squared.cpu().double().cumsum(dim=0)
        drawn = torch.rand((), generator=generator, dtype=torch.float64) * cumulative[-1]
        chosen.append(min(int(torch.searchsorted(cumulative, drawn)), len(rows) - 1))
        squared = torch.minimum(squared, (rows - rows[chosen[-1]]).square().sum(dim=1))
    return rows[chosen]


def _centres(rows: Tensor, found: Tensor, distances: Tensor, clusters: int) -> Tensor:
    """The mean of each cluster's rows; an empty cluster gets the row that is farthest from its centre."""
    sums = torch.zeros(clusters, rows.shape[1]).index_add_(0, found, rows)
    counts = torch.bincount(found, minlength=clusters)
    centres = sums / counts.clamp(min=1)[:, None]
    empty = (counts == 0).nonzero().flatten()
    centres[empty] = rows[distances.topk(len(empty)).indices]
    return centres


def _too_many(clusters: int, images: int, possible: int) -> DataError:
    return DataError(
        f"model.clusters: {clusters} given, and {counted(images, 'training image')} can be divided into "
        f"at most {counted(possible, 'cluster')}; fewer expected"
    )
