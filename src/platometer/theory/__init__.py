"""Why representations would converge: worlds of events, the PMI kernel, and what learners of pairs find.

World -> P_coor -> K_PMI -> what each objective's optimum is -> what a learner of finite width finds of it.
"""

from platometer.theory._worlds import Process, World, counted, fractions_of

__all__ = ["Process", "World", "counted", "fractions_of"]
