"""The solids of colours, drawn: side by side in a figure, and as a piece of a page that can be turned."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d import Axes3D

_COLUMNS = 3
_WIDE = 52  # letters of a title
_VIEW = {"elev": 18, "azim": -60}


@dataclass(frozen=True)
class Solid:
    """One cloud of colours.

    Attributes
    ----------
    title : above it; the second line says how well it fits.
    points : each with ``colour``, ``name``, and the coordinates (a, b, lightness) as ``at``; perhaps ``true``.
    named : whether the names are written beside the points.
    """

    title: str
    points: Sequence[Mapping]
    named: bool


def solids(rows: Sequence[Mapping]) -> list[Solid]:
    """What there is to draw: the colours of the pictures and of the words in CIELAB, and each source laid onto them.

    Parameters
    ----------
    rows : of the experiment.
    """
    out: list[Solid] = []
    scores = [row for row in rows if row["kind"] == "score"]
    for named in (False, True):
        these = [row for row in scores if (row["picture"] != "pixels") == named]
        if not these:
            continue
        widest = max(these, key=lambda row: row["n"])["picture"]
        truth = [_point(row, "") for row in _points(rows, widest)]
        out.append(Solid("To the eye (CIELAB)\n" + ("colour words" if named else "colours of the pictures"), truth, named))
        for row in these:
            fits = f"RSA {row['rsa']:.2f} (p = {row['rsa_p']:.2g}), residual {row['residual']:.2f}"
            laid = [_point(point, "at_") for point in _points(rows, row["picture"])]
            out.append(Solid(f"{row['picture'].capitalize()}: {row['source']}\n{fits}", laid, named))
    return out


def figure(found: Sequence[Solid]) -> Figure:
    """The solids side by side, each point in its own colour, all from the same side.

    Parameters
    ----------
    found : at least one.
    """
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(found))
    lines = -(-len(found) // columns)
    sheet = Figure(figsize=(4.2 * columns, 4.4 * lines))
    sheet.subplots_adjust(left=0.01, right=0.97, bottom=0.02, top=1 - 0.35 / (4.4 * lines), wspace=0.06, hspace=0.08)
    for i, solid in enumerate(found):
        axes = sheet.add_subplot(lines, columns, i + 1, projection="3d")
        places = [point["at"] for point in solid.points]
        axes.scatter(*zip(*places, strict=True), c=[point["colour"] for point in solid.points], s=70 if solid.named else 26,
                     depthshade=False, edgecolors="#00000055", linewidths=0.4)
        for point in solid.points if solid.named else ():
            axes.text(*point["at"], f"  {point['name']}", fontsize=7, color="#444444")
        axes.set_title("\n".join(_short(line) for line in solid.title.split("\n")), fontsize=9, y=1.0)
        _placed(axes, places)
    return sheet


def _placed(axes: Axes3D, places: Sequence[tuple[float, float, float]]) -> None:
    """One scale on all three axes, around the middle."""
    ends = [(min(values), max(values)) for values in zip(*places, strict=True)]
    reach = max(1e-9, *(0.52 * (high - low) for low, high in ends))
    limits = [((low + high) / 2 - reach, (low + high) / 2 + reach) for low, high in ends]
    axes.set(xlabel="a", ylabel="b", zlabel="lightness", xlim=limits[0], ylim=limits[1], zlim=limits[2])
    axes.xaxis.labelpad = axes.yaxis.labelpad = axes.zaxis.labelpad = -6
    axes.tick_params(labelsize=6, pad=-3)
    axes.locator_params(nbins=5)
    axes.set_box_aspect((1, 1, 1), zoom=1.08)
    axes.view_init(**_VIEW)


def _short(line: str) -> str:
    return line if len(line) <= _WIDE else line[: _WIDE - 3] + "..."


def fragment(found: Sequence[Solid]) -> str:
    """The same as a self-contained piece of a page: dragging, or the arrow keys, turn all solids together.

    Parameters
    ----------
    found : at least one.
    """
    panels, data = [], []
    for i, solid in enumerate(found):
        title, _, below = solid.title.partition("\n")
        label = html.escape(f"{title}; {below}. Arrow keys turn it.", quote=True)
        panels.append(f'<figure><canvas data-solid="{i}" tabindex="0" role="img" aria-label="{label}"></canvas>'
                      f"<figcaption><b>{html.escape(title)}</b><br>{html.escape(below)}</figcaption></figure>")
        data.append({"named": solid.named, "points": [
            [*(round(float(value), 2) for value in point["at"]), point["colour"], point["name"]] for point in solid.points]})
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return _FRAGMENT.replace("{panels}", "\n".join(panels)).replace("{data}", text)


def _points(rows: Sequence[Mapping], picture: str) -> list[Mapping]:
    return [row for row in rows if row["kind"] == "point" and row["picture"] == picture]


def _point(row: Mapping, place: str) -> dict:
    return {"colour": row["colour"], "name": row["name"], "at": tuple(row[place + axis] for axis in ("a", "b", "L"))}


_FRAGMENT = """<div class="colour-solids">
<style>
.colour-solids { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
.colour-solids figure { margin: 0; min-width: 0; }
.colour-solids p { grid-column: 1 / -1; margin: 0; font-size: 0.85rem; }
.colour-solids canvas { width: 100%; aspect-ratio: 1; cursor: grab; touch-action: none; }
.colour-solids canvas { border: 1px solid #8884; border-radius: 6px; }
.colour-solids canvas:focus-visible { outline: 2px solid Highlight; outline-offset: 2px; }
.colour-solids figcaption { font-size: 0.85rem; line-height: 1.35; }
</style>
<p>Drag, or use the arrow keys, to turn all of them; Home or a double click turns them back.</p>
{panels}
<script>
(() => {
  const home = document.currentScript.parentElement, solids = {data};
  const canvases = [...home.querySelectorAll("canvas[data-solid]")];
  const start = { turn: -0.6, tilt: 0.35 };
  let view = { ...start };
  for (const solid of solids) {
    const axes = [0, 1, 2].map((i) => solid.points.map((point) => point[i]));
    solid.middle = axes.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
    solid.reach = Math.max(1e-9, ...solid.points.map((point) => Math.hypot(...solid.middle.map((m, i) => point[i] - m))));
  }
  function draw(canvas) {
    const solid = solids[canvas.dataset.solid], side = canvas.clientWidth || 300, dense = window.devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(side * dense);
    const pen = canvas.getContext("2d"), ink = getComputedStyle(canvas).color;
    pen.scale(dense, dense);
    const [c, s, ct, st] = [Math.cos(view.turn), Math.sin(view.turn), Math.cos(view.tilt), Math.sin(view.tilt)];
    const scale = (side * 0.42) / solid.reach;
    const placed = solid.points.map((point) => {
      const [a, b, l] = solid.middle.map((m, i) => (point[i] - m) * scale);
      const across = c * a - s * b, away = s * a + c * b;
      const [x, y] = [side / 2 + across, side / 2 - (ct * l + st * away)];
      return { x, y, depth: ct * away - st * l, colour: point[3], name: point[4] };
    });
    placed.sort((p, q) => q.depth - p.depth);
    pen.font = "11px sans-serif";
    for (const p of placed) {
      const size = (solid.named ? 7 : 4.5) * (1 - (0.3 * p.depth) / side);
      pen.beginPath();
      pen.arc(p.x, p.y, size, 0, 2 * Math.PI);
      pen.fillStyle = p.colour;
      pen.fill();
      pen.lineWidth = 0.6;
      pen.strokeStyle = "#8888";
      pen.stroke();
      if (solid.named) {
        pen.fillStyle = ink;
        pen.fillText(p.name, p.x + size + 2, p.y + 4);
      }
    }
  }
  const all = () => canvases.forEach(draw);
  const turn = (across, up) => {
    view.turn += across;
    view.tilt = Math.max(-1.57, Math.min(1.57, view.tilt + up));
    all();
  };
  const keys = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
  for (const canvas of canvases) {
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) turn(event.movementX * 0.01, event.movementY * 0.01);
    });
    canvas.addEventListener("dblclick", () => { view = { ...start }; all(); });
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Home") { view = { ...start }; all(); event.preventDefault(); }
      if (!(event.key in keys)) return;
      turn(...keys[event.key]);
      event.preventDefault();
    });
  }
  window.addEventListener("resize", all);
  all();
})();
</script>
</div>
"""
