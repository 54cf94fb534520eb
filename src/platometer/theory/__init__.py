"""Why representations would converge: worlds of events, the PMI kernel, and what learners of pairs find.

World -> P_coor -> K_PMI -> what each objective's optimum is -> what a learner of finite width finds of it.
"""

from platometer.theory._kernels import (
    Condition,
    Fit,
    Representable,
    best_fit,
    distance,
    paper_condition,
    representable,
    spectrum,
)
from platometer.theory._learners import Learned, Plan, Step, learn, oracle
from platometer.theory._objectives import BinaryNCE, InfoNCE, MaskedPrediction, NextEvent, Objective, SkipGram, Spectral
from platometer.theory._observations import NOTHING, Information, Observation, bijection, merged, noisy, partial
from platometer.theory._processes import graph, hidden, independent, made, markov, ring, stationary, topics, torus, tree
from platometer.theory._worlds import Process, World, counted, fractions_of

__all__ = [
    "NOTHING", "BinaryNCE", "Condition", "Fit", "InfoNCE", "Information", "Learned", "MaskedPrediction", "NextEvent",
    "Objective", "Observation", "Plan", "Process", "Representable", "SkipGram", "Spectral", "Step", "World", "best_fit",
    "bijection", "counted", "distance", "fractions_of", "graph", "hidden", "independent", "learn", "made", "markov", "merged",
    "noisy", "oracle", "paper_condition", "partial", "representable", "ring", "spectrum", "stationary", "topics", "torus",
    "tree",
]
