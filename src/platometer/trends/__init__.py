"""Does alignment rise with capability, how surely, and does it predict: rows in, statistics out; nothing is drawn.

Points share families, and rows, being pairs, share models. Every function takes ``groups`` or ``crossed`` to say so, and its
intervals and p-values then know of it. In the order in which one asks:

trend
    alignment against capability or size, raw beside calibrated, from the rows of a study.
correlate, within_families, mixed
    how surely; inside families or only between them; with families or models as random effects.
fit, compare
    by which law, judged on what it never saw, and whether there is a threshold.
forecast, late_rise
    does it hold for models that the fit never saw, and is the upper part steeper.
similarity, bins, model_map, tree
    models among each other: alignment by capability, a map, who is joined first.
agreement
    do metrics, or datasets, say the same.
layer_profile
    where in the models alignment peaks, by relative depth, from the grids of a run.
class_agreement, many_to_many
    from features: classes or instances, where labels are given; every text for itself, where samples have several.
perturbed
    what is left of alignment where a model sees a spoiled view: words shuffled, pictures blurred.
saturation
    how alignment goes with how much of each side is seen, such as captions and pictures, and does that predict.
examine, independent
    all of this at once, for every metric in the rows: what ``platometer trend`` prints; and what it takes for independent.

What the intervals cover was measured: ``docs/trends.md``.
"""

from platometer.trends._agreement import BETWEEN, Agreement, agreement
from platometer.trends._correlation import Correlations, correlate
from platometer.trends._examination import Examination, Examined, examine, independent, plain
from platometer.trends._families import Mixed, WithinFamilies, mixed, within_families
from platometer.trends._forecast import Forecast, LateRise, forecast, late_rise
from platometer.trends._laws import LAWS, SMOOTH, Comparison, Contender, Fit, Law, compare, fit
from platometer.trends._models import Bin, Bins, Map, Similarity, Tree, bins, model_map, similarity, tree
from platometer.trends._perturbed import Perturbed, perturbed
from platometer.trends._profile import DEPTHS, Profile, layer_profile
from platometer.trends._rows import SCORES
from platometer.trends._samples import Agreed, ClassAgreement, class_agreement, many_to_many
from platometer.trends._saturation import Saturation, saturation
from platometer.trends._trend import Trend, trend
from platometer.trends._units import DRAWS, Estimate

__all__ = [
    "BETWEEN", "DEPTHS", "DRAWS", "LAWS", "SCORES", "SMOOTH", "Agreed", "Agreement", "Bin", "Bins", "ClassAgreement",
    "Comparison", "Contender", "Correlations", "Estimate", "Examination", "Examined", "Fit", "Forecast", "LateRise", "Law",
    "Map", "Mixed", "Perturbed", "Profile", "Saturation", "Similarity", "Tree", "Trend", "WithinFamilies", "agreement", "bins",
    "class_agreement", "compare", "correlate", "examine", "fit", "forecast", "independent", "late_rise", "layer_profile",
    "many_to_many", "mixed", "model_map", "perturbed", "plain", "saturation", "similarity", "tree", "trend", "within_families",
]
