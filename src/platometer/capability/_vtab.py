"""The 19 tasks of VTAB (Zhai et al. 2019, arXiv 1910.04867), by name, and where the hub has them.

The hub's copies are those of CLIP-benchmark: pictures in their column of pictures, the label in ``cls``, splits train and test
as
VTAB divides them. Classes of the structured tasks are VTAB's: distances and angles in bins.
"""

from __future__ import annotations

from dataclasses import dataclass

from platometer.errors import UnknownNameError, suggestion

GROUPS = ("natural", "specialised", "structured")


@dataclass(frozen=True)
class Task:
    """One task and where it is.

    Attributes
    ----------
    name : such as ``"cifar100"``.
    group : ``"natural"``, ``"specialised"`` or ``"structured"``.
    asks : what is to be told of a picture.
    classes : how many.
    hub : name of the dataset on the hub.
    licence : of the pictures, as their authors state it.
    splits : of the hub's dataset: learnt from, and judged by.
    label_column : in it.
    """

    name: str
    group: str
    asks: str
    classes: int
    hub: str
    licence: str
    splits: tuple[str, ...] = ("train", "test")
    label_column: str = "cls"


def _wds(name: str) -> str:
    return f"clip-benchmark/wds_{name}"


_NONE = "none stated, research"
TASKS = {task.name: task for task in (
    Task("caltech101", "natural", "kind of object", 102, _wds("vtab-caltech101"), "CC BY 4.0"),
    Task("cifar100", "natural", "kind of object", 100, _wds("vtab-cifar100"), _NONE),
    Task("dtd", "natural", "texture", 47, _wds("vtab-dtd"), "research only"),
    Task("flowers102", "natural", "kind of flower", 102, _wds("vtab-flowers"), _NONE),
    Task("pets", "natural", "breed", 37, _wds("vtab-pets"), "CC BY-SA 4.0"),
    Task("sun397", "natural", "kind of scene", 397, _wds("sun397"), _NONE),
    Task("svhn", "natural", "digit", 10, _wds("vtab-svhn"), "non-commercial"),
    Task("eurosat", "specialised", "use of land, from a satellite", 10, _wds("vtab-eurosat"), "MIT"),
    Task("resisc45", "specialised", "kind of land, from the air", 45, _wds("vtab-resisc45"), _NONE),
    Task("patch_camelyon", "specialised", "tumour in tissue", 2, _wds("vtab-pcam"), "CC0"),
    Task("retinopathy", "specialised", "degree of retinopathy", 5, _wds("vtab-diabetic_retinopathy"), "Kaggle's rules"),
    Task("clevr_count", "structured", "number of things", 8, _wds("vtab-clevr_count_all"), "CC BY 4.0"),
    Task("clevr_distance", "structured", "distance of the nearest thing", 6, _wds("vtab-clevr_closest_object_distance"),
         "CC BY 4.0"),
    Task("dmlab", "structured", "distance and worth of an object", 6, _wds("vtab-dmlab"), _NONE),
    Task("kitti_distance", "structured", "distance of the nearest vehicle", 4, _wds("vtab-kitti_closest_vehicle_distance"),
         "CC BY-NC-SA 3.0"),
    Task("dsprites_location", "structured", "horizontal place", 16, _wds("vtab-dsprites_label_x_position"), "Apache-2.0"),
    Task("dsprites_orientation", "structured", "angle", 16, _wds("vtab-dsprites_label_orientation"), "Apache-2.0"),
    Task("smallnorb_azimuth", "structured", "azimuth of the camera", 18, _wds("vtab-smallnorb_label_azimuth"), "research only"),
    Task("smallnorb_elevation", "structured", "elevation of the camera", 9, _wds("vtab-smallnorb_label_elevation"),
         "research only"),
)}


def vtab(name: str) -> Task:
    """The task of this name.

    Parameters
    ----------
    name : one of `TASKS`.

    Raises
    ------
    UnknownNameError
        There is none.

    Examples
    --------
    >>> vtab("svhn").hub
    'clip-benchmark/wds_vtab-svhn'
    """
    if name not in TASKS:
        raise UnknownNameError(f"VTAB has no task {name!r}. {suggestion(name, TASKS)}")
    return TASKS[name]
