"""Exact nearest neighbours, at the speed of the matrix product, in memory set by a budget and not by n squared.

Neighbours are by inner product (on unit rows: by cosine), the sample itself excluded.

**Ties.** The k nearest are well defined only where the k-th is nearer than the (k+1)-th. Where it is not, the samples
tied with the (k+1)-th are left out, so a row may have fewer than k neighbours. That makes the result independent of
the order of samples, and it counts against the claim that two spaces agree. Two similarities are tied if they differ
by less than `TIE` times the size of the numbers they were computed from; float64 products of float32 features are
exact to about 1e-15, so rounding never decides. `Neighbours.tied` says how many rows lost neighbours this way.

**How.** Subtracting the mean from all samples moves every similarity of a row by the same amount plus a number that
belongs to the other sample alone, so the order within a row is that of c_i . c_j + b_j with c = x - m, b = c . m: small
numbers, of which float32 keeps more digits. A float32 product, each tile of which serves its rows and its columns,
leaves for each sample the few others that can be among the nearest given the worst case of rounding; where the order of
those is not certain they are compared in float64. On many samples the product is one of bytes (`_codes`): samples are
rounded to whole numbers, on their leading principal axes where the spectrum decays, and what the bytes and the axes lose is
bounded by norms (Cauchy-Schwarz), so that only what can reach a list is ever computed in full, in float64. The lists
therefore do not depend on device, tile size or number of threads, nor on which of these ways was taken.

**In parts.** A gallery that no machine holds is searched part by part (`shortlist`), and the lists are merged (`merge`) to
exactly those of `nearest`; `Search` lays this out as tasks for an engine.
"""

from platometer.knn._lists import TIE, Neighbours, check_k
from platometer.knn._merge import Search, Shortlist, merge, shortlist
from platometer.knn._search import BUDGET, nearest, neighbours

__all__ = ["BUDGET", "TIE", "Neighbours", "Search", "Shortlist", "check_k", "merge", "nearest", "neighbours", "shortlist"]
