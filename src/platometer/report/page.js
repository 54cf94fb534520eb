"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const DATA = JSON.parse($("figures").textContent);
  if (!DATA.rows.length) return;
  DATA.rows.forEach((row, id) => { row.id = id; });

  // ---- words

  const minus = text => text.replace("-", "−");
  const number = (v, digits = 3) => {
    if (v === null || v === undefined) return "–";
    const size = Math.abs(v);
    return minus(size === 0 || (size >= 0.5 * 10 ** -digits && size < 1000) ? v.toFixed(digits) : v.toExponential(1));
  };
  const size = v => {
    for (const [power, letter] of [[9, "G"], [6, "M"], [3, "k"]]) {
      const short = +v.toPrecision(3) / 10 ** power;
      if (short >= 1) return `${+short.toPrecision(6)} ${letter}`;
    }
    return `${v}`;
  };
  const bound = text => text.startsWith("≤") ? text : `=\u00a0${text}`;
  const cut = (text, n) => text.length > n ? `${text.slice(0, n - 1).replace(/[\W_]+$/, "")}…` : text;
  const joint = row => DATA.symmetric[DATA.metric[row.group]] ? "~" : "→";

  // The last part of a model's path where no other model's is the same, or else all of it.
  const plain = (() => {
    const names = DATA.models.map(model => model.name), last = names.map(name => name.split("/").pop() || name);
    return new Map(names.map((name, k) => [name, last.indexOf(last[k]) === last.lastIndexOf(last[k]) ? last[k] : name]));
  })();

  // Short labels of the models that stay distinct: cut at the end, or in the middle if need be.
  const labels = n => {
    const names = DATA.models.map(model => model.name);
    const distinct = list => new Set(list).size === list.length;
    const base = names.map(name => plain.get(name));
    const end = base.map(name => cut(name, n));
    const half = Math.floor(n / 2);
    const middle = base.map(name => name.length > n ? `${name.slice(0, half)}…${name.slice(half + 1 - n)}` : name);
    const chosen = distinct(end) ? end : middle;
    return new Map(names.map((name, k) => [name, chosen[k]]));
  };

  // ---- drawing

  const NS = $("heat").namespaceURI;
  const make = (name, attributes, text) => {
    const node = document.createElementNS(NS, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const put = (svg, name, attributes, text, full) => {
    const node = make(name, attributes, text);
    if (full !== undefined) node.append(make("title", {}, full));
    svg.append(node);
    return node;
  };
  const clear = (svg, width, height, title) => {
    svg.replaceChildren(make("title", {}, title));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
  };
  const ruler = document.createElement("canvas").getContext("2d");
  const textWidth = (text, px = 12) => { ruler.font = `${px}px ${getComputedStyle(document.body).fontFamily}`; return ruler.measureText(text).width; };
  const widest = texts => Math.max(0, ...texts.map(text => textWidth(text)));

  // viridis in eleven steps: lightness rises evenly, so it also reads in grey and for colour-blind readers
  const RAMP = ["#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26",
    "#fde725"].map(c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16)));
  const colour = share => {
    const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1), i = Math.min(Math.floor(at), RAMP.length - 2);
    return RAMP[i].map((v, k) => Math.round(v + (RAMP[i + 1][k] - v) * (at - i)));
  };
  const luminance = rgb => rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ink = rgb => luminance(rgb) > 0.18 ? "#000" : "#fff";
  const SERIES = ["var(--one)", "var(--two)", "var(--three)", "var(--four)"];

  // A scale of colours from low to high; flipped where low means alike, so that bright is always more alike.
  const scale = (low, high, flip) => v => {
    const share = high > low ? (v - low) / (high - low) : 1;
    return colour(flip ? 1 - share : share);
  };

  function legend(svg, x, y, width, low, high, paint, label) {
    const steps = 40;
    for (let k = 0; k < steps; k++) {
      put(svg, "rect", { x: x + k * width / steps, y, width: width / steps + 0.5, height: 9, fill: `rgb(${paint(low + (high - low) * (k + 0.5) / steps)})` });
    }
    put(svg, "text", { x, y: y + 22, class: "tick" }, number(low));
    put(svg, "text", { x: x + width, y: y + 22, class: "tick", "text-anchor": "end" }, number(high));
    put(svg, "text", { x: x + width / 2, y: y + 22, class: "tick", "text-anchor": "middle" }, label);
  }

  function ticks(low, high, n) {
    const raw = (high - low) / n || 1e-9, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= raw * (1 - 1e-9));
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const out = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-6; k++) out.push([k * step, minus((k * step).toFixed(digits))]);
    return out;
  }

  function axes(svg, box, x, y) {
    y.ticks.forEach(([v, text]) => {
      put(svg, "line", { x1: box.l, y1: y.at(v), x2: box.r, y2: y.at(v), class: "rule" });
      put(svg, "text", { x: box.l - 7, y: y.at(v) + 4, "text-anchor": "end", class: "tick" }, text);
    });
    put(svg, "line", { x1: box.l, y1: box.b, x2: box.r, y2: box.b, class: "axis" });
    x.ticks.forEach(([v, text]) => {
      put(svg, "line", { x1: x.at(v), y1: box.b, x2: x.at(v), y2: box.b + 4, class: "axis" });
      put(svg, "text", { x: x.at(v), y: box.b + 17, "text-anchor": "middle", class: "tick" }, text);
    });
    put(svg, "text", { x: (box.l + box.r) / 2, y: box.b + 34, "text-anchor": "middle", class: "soft" }, x.label);
    const middle = (box.t + box.b) / 2;
    put(svg, "text", { x: 12, y: middle, "text-anchor": "middle", class: "soft", transform: `rotate(-90 12 ${middle})` }, y.label);
  }

  // A grid of cells that pointer, touch and arrow keys read out: say(i, j) is told, choose(i, j) is done on a click or Enter.
  function readable(svg, shape, box, said, say, choose) {
    const cursor = put(svg, "rect", { width: box.cell, height: box.cell, class: "cursor", visibility: "hidden", "pointer-events": "none" });
    let at = null;
    const go = (i, j) => {
      at = [Math.min(Math.max(i, 0), shape[0] - 1), Math.min(Math.max(j, 0), shape[1] - 1)];
      cursor.setAttribute("x", box.x + at[1] * box.cell);
      cursor.setAttribute("y", box.y + at[0] * box.cell);
      cursor.setAttribute("visibility", "visible");
      said.textContent = say(...at);
    };
    const under = event => {
      const cell = event.target.closest("[data-cell]");
      if (cell) go(...cell.dataset.cell.split(" ").map(Number));
      return cell;
    };
    svg.onpointermove = under;
    svg.onclick = event => { if (under(event) && choose) choose(...at); };
    svg.onkeydown = event => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (step) { event.preventDefault(); at ? go(at[0] + step[0], at[1] + step[1]) : go(0, 0); }
      if (event.key === "Enter" && at && choose) choose(...at);
    };
  }

  // ---- what is shown

  const option = (value, text) => { const node = document.createElement("option"); node.value = value; node.textContent = text; return node; };
  const current = () => DATA.rows.filter(row => row.group === $("metric").value);
  const what = () => $("what").value;
  const called = () => what() === "calibrated" ? "calibrated alignment" : "raw score";
  const modality = new Map(DATA.models.map(model => [model.name, model.modality]));
  const parameters = new Map(DATA.models.map(model => [model.name, model.parameters]));
  const modalities = [...new Set(DATA.models.map(model => model.modality))];

  // ---- model by model

  function ordered(rows) {
    const names = DATA.models.map(model => model.name), by = $("order").value;
    const mean = new Map(names.map(name => {
      const values = rows.filter(row => (row.left === name || row.right === name) && row[what()] !== null).map(row => row[what()]);
      const average = values.reduce((sum, v) => sum + v, 0) / (values.length || 1);
      return [name, flipped(rows) ? -average : average];
    }));
    if (by === "alike") names.sort((a, b) => mean.get(b) - mean.get(a));
    if (by === "size") names.sort((a, b) => (parameters.get(a) ?? Infinity) - (parameters.get(b) ?? Infinity));
    return names.sort((a, b) => modalities.indexOf(modality.get(a)) - modalities.indexOf(modality.get(b)));
  }
  const flipped = rows => rows[0].alike === "low" && what() === "score";

  // Rows and columns of the map and the comparison in each cell: a rectangle if all pairs cross two modalities, else a square.
  function matrix(rows) {
    const there = new Set(rows.flatMap(row => [row.left, row.right]));
    const names = ordered(rows).filter(name => there.has(name)), kinds = [...new Set(names.map(name => modality.get(name)))];
    const symmetric = DATA.symmetric[DATA.metric[rows[0].group]];
    const found = new Map(rows.map(row => [JSON.stringify([row.left, row.right]), row]));
    const find = (a, b) => found.get(JSON.stringify([a, b])) || (symmetric ? found.get(JSON.stringify([b, a])) : undefined);
    if (symmetric && kinds.length === 2 && rows.every(row => row.left_modality !== row.right_modality)) {
      const sides = kinds.map(kind => names.filter(name => modality.get(name) === kind)).sort((a, b) => b.length - a.length);
      return { down: sides[0], across: sides[1], find, symmetric, square: false };
    }
    return { down: names, across: names, find, symmetric, square: true };
  }

  function heat() {
    const rows = current(), map = matrix(rows), svg = $("heat"), room = svg.parentNode.clientWidth, narrow = room < 600;
    const short = labels(narrow ? 16 : 36), upright = narrow || map.across.length > 14, mixed = modalities.length > 1;
    const left = widest(map.down.map(name => short.get(name))) + 10 + (mixed ? 18 : 0);
    const label = widest(map.across.map(name => short.get(name)));
    const top = (upright ? label : label * 0.77 + 8) + 12 + (mixed ? 18 : 0), over = upright ? 6 : label * 0.64;
    const cell = Math.floor(Math.min(46, Math.max(map.across.length > 14 ? 15 : 21, (room - left - over) / map.across.length)));
    const bottom = top + map.down.length * cell, values = rows.map(row => row[what()]).filter(v => v !== null);
    const low = Math.min(...values, what() === "calibrated" ? 0 : Infinity), high = Math.max(...values), paint = scale(low, high, flipped(rows));
    clear(svg, Math.max(left + map.across.length * cell + over, left + 210), bottom + (values.length ? 46 : 30), `Model by model: ${called()} by ${rows[0].group}`);
    map.across.forEach((name, j) => {
      const x = left + (j + 0.5) * cell + (upright ? 4 : 0), y = top - 7;
      put(svg, "text", { x, y, transform: `rotate(${upright ? -90 : -50} ${x} ${y})` }, short.get(name), name);
    });
    map.down.forEach((name, i) => {
      put(svg, "text", { x: left - 7, y: top + (i + 0.5) * cell + 4, "text-anchor": "end" }, short.get(name), name);
      map.across.forEach((other, j) => heatCell(svg, map.find(name, other), i, j, { x: left, y: top, cell }, paint));
    });
    if (mixed) bands(svg, map, { x: left, y: top, cell });
    if (values.length) legend(svg, left, bottom + 14, 200, low, high, paint, what() === "calibrated" ? "calibrated" : "raw");
    else put(svg, "text", { x: left, y: bottom + 20 }, "No such score: no draws were made, or the metric has no bound.");
    readable(svg, [map.down.length, map.across.length], { x: left, y: top, cell }, $("heat-said"),
      (i, j) => about(map.find(map.down[i], map.across[j]), map.down[i], map.across[j]),
      (i, j) => { const row = map.find(map.down[i], map.across[j]); if (row) { choose(0, row); pointBelow(); } });
    $("heat-said").textContent = "";
    $("heat-caption").textContent = [
      `Each cell: the ${rows.length && what() === "calibrated" ? "calibrated " : ""}summary over all pairs of layers; bright is more alike.`,
      map.symmetric ? "" : "Rows are the left side, columns the right.",
      map.square && mixed && map.symmetric ? "Framed: pairs across modalities." : "",
      rows.some(row => row.p_bh !== null) ? "A dot: not above chance after Benjamini–Hochberg." : "",
      map.square || rows.length < map.down.length * map.across.length ? "Hatched: not compared." : "",
    ].filter(Boolean).join(" ");
  }

  function heatCell(svg, row, i, j, box, paint) {
    const x = box.x + j * box.cell, y = box.y + i * box.cell, side = box.cell - 1, value = row ? row[what()] : null;
    const rgb = value === null ? null : paint(value);
    put(svg, "rect", { x, y, width: side, height: side, fill: rgb ? `rgb(${rgb})` : "url(#absent)", "data-cell": `${i} ${j}` });
    if (!rgb) return;
    const wide = box.cell >= 38, said = minus(value.toFixed(3)).replace(/^(−?)0\./, wide ? "$10." : "$1.");
    if (box.cell >= 27) put(svg, "text", { x: x + side / 2, y: y + side / 2 + 4, "text-anchor": "middle", "pointer-events": "none", style: `fill:${ink(rgb)};font-size:${wide ? 11 : 10}px` }, said);
    if (row.p_bh !== null && row.p_bh > row.alpha) put(svg, "circle", { cx: x + side - 5, cy: y + 5, r: box.cell < 20 ? 1.8 : 2.4, fill: ink(rgb), "pointer-events": "none" });
  }

  // Names of the modalities along the sides, a line between them, and a frame around the pairs that cross.
  function bands(svg, map, box) {
    const runs = names => modalities.map(kind => [kind, names.findIndex(name => modality.get(name) === kind), names.filter(name => modality.get(name) === kind).length]).filter(run => run[2]);
    const down = runs(map.down), across = runs(map.across), fits = (text, n) => cut(text, Math.max(3, Math.floor(n * box.cell / 6.7)));
    down.forEach(([kind, from, n]) => {
      const y = box.y + (from + n / 2) * box.cell;
      put(svg, "text", { x: 11, y, "text-anchor": "middle", class: "soft", transform: `rotate(-90 11 ${y})` }, fits(kind, n), kind);
      put(svg, "line", { x1: 17, x2: 17, y1: box.y + from * box.cell + 2, y2: box.y + (from + n) * box.cell - 3, class: "axis" });
    });
    across.forEach(([kind, from, n]) => {
      put(svg, "text", { x: box.x + (from + n / 2) * box.cell, y: 11, "text-anchor": "middle", class: "soft" }, fits(kind, n), kind);
      put(svg, "line", { x1: box.x + from * box.cell + 2, x2: box.x + (from + n) * box.cell - 3, y1: 17, y2: 17, class: "axis" });
    });
    if (!map.square) return;
    down.forEach(([a, i, n]) => across.forEach(([b, j, m]) => {
      if (a !== b) put(svg, "rect", { x: box.x + j * box.cell - 0.5, y: box.y + i * box.cell - 0.5, width: m * box.cell, height: n * box.cell, class: "edge", "pointer-events": "none" });
    }));
  }

  function about(row, a, b) {
    if (!row) return a === b ? `${a} with itself: not compared.` : `${a} and ${b}: not compared.`;
    const said = [`${row.left} ${joint(row)} ${row.right}: raw ${number(row.score)}`];
    if (row.said.p !== "–") said.push(`chance ${number(row.null_mean)}`, `threshold ${number(row.tau)}`, `calibrated ${number(row.calibrated)}`, `p\u00a0${bound(row.said.p)} (BH ${row.said.p_bh}, Holm ${row.said.p_holm})`);
    return `${said.join(", ")}; layers ${row.left_layer} ${joint(row)} ${row.right_layer}`;
  }

  function pointBelow() {
    const link = document.createElement("a");
    link.href = "#layers";
    link.textContent = "Its layers are shown below.";
    $("heat-said").append(". ", link);
  }

  // ---- alignment against size

  function sized(side) {
    const points = [];
    current().forEach(row => [["left", "right"], ["right", "left"]].forEach(([a, b]) => {
      if (row[`${a}_modality`] === side && row[`${a}_parameters`] > 0 && row[what()] !== null) {
        points.push({ name: row[a], other: row[b], partner: row[`${b}_modality`], x: Math.log10(row[`${a}_parameters`]), y: row[what()], chance: row.null_mean });
      }
    }));
    return points;
  }

  const average = values => values.reduce((sum, v) => sum + v, 0) / values.length;

  function trend() {
    const svg = $("trend"), side = $("side").value, points = sized(side), width = svg.parentNode.clientWidth, rows = current();
    const list = $("trend-series");
    list.replaceChildren();
    $("trend-said").textContent = "";
    if (!points.length) {
      clear(svg, width, 40, "Alignment against parameters: nothing to draw");
      put(svg, "text", { x: 0, y: 24 }, "No parameter counts are known for these models, or no such score.");
      return;
    }
    const box = { l: 58, r: Math.min(width, 860) - 12, t: 14, b: width < 600 ? 270 : 350 }, partners = [...new Set(points.map(p => p.partner))];
    clear(svg, box.r + 12, box.b + 44, `${called()} by ${rows[0].group} against the number of parameters`);
    const xs = points.map(p => p.x), ys = points.map(p => p.y), pad = Math.max(0.12, (Math.max(...xs) - Math.min(...xs)) * 0.08);
    const x0 = Math.min(...xs) - pad, x1 = Math.max(...xs) + pad, rise = Math.max(...ys) - Math.min(...ys, 0) || 1;
    const y0 = Math.min(...ys, 0) < 0 ? Math.min(...ys) - rise * 0.05 : flipped(rows) ? Math.min(...ys) - rise * 0.05 : 0, y1 = Math.max(...ys) + rise * 0.06;
    const X = v => box.l + (v - x0) / (x1 - x0) * (box.r - box.l), Y = v => box.b - (v - y0) / (y1 - y0) * (box.b - box.t);
    const sense = rows[0].alike === "low" && what() === "score" ? " (low is alike)" : "";
    axes(svg, box, { ticks: decades(x0, x1, (box.r - box.l) / 64), at: X, label: `parameters of the ${side ? `${side} ` : ""}model` }, { ticks: ticks(y0, y1, 5), at: Y, label: called() + sense });
    const lines = put(svg, "g", {}), names = put(svg, "g", {}), marks = put(svg, "g", {});
    points.forEach(p => put(marks, "circle", { cx: X(p.x), cy: Y(p.y), r: 2.6, fill: SERIES[partners.indexOf(p.partner) % 4], "fill-opacity": 0.55, "data-said": `${p.name} (${size(Math.round(10 ** p.x))}) with ${p.other}: ${number(p.y)}` }));
    const rings = partners.flatMap((partner, k) => series(points.filter(p => p.partner === partner), partner, SERIES[k % 4], { X, Y, x0, x1, box, lines, marks }, list));
    const short = labels(28);
    name(names, rings, box, ring => short.get(ring.name));
    svg.onpointermove = svg.onclick = event => { if (event.target.dataset.said) $("trend-said").textContent = event.target.dataset.said; };
  }

  // One modality of partners: a ring for each model's mean, the line, and the words with r; what chance gives for raw scores.
  function series(points, partner, tint, plot, list) {
    const { X, Y, x0, x1, box, lines, marks } = plot, side = $("side").value;
    const found = DATA.trends.find(t => t.group === $("metric").value && t.modality === side && t.partner === partner && t.what === what());
    if (found && found.slope !== null) {
      const ends = [x0, x1].map(x => [x, found.intercept + found.slope * x]).map(([x, y]) => [X(x), Math.min(Math.max(Y(y), box.t - 4), box.b)]);
      put(lines, "line", { x1: ends[0][0], y1: ends[0][1], x2: ends[1][0], y2: ends[1][1], stroke: tint, "stroke-width": 1.6, "stroke-dasharray": "6 4" });
    }
    const rings = [...new Set(points.map(p => p.name))].map(name => {
      const mine = points.filter(p => p.name === name), y = average(mine.map(p => p.y)), chance = mine.map(p => p.chance).filter(v => v !== null);
      return { name, x: mine[0].x, y, chance: chance.length ? average(chance) : null, count: mine.length };
    });
    rings.forEach(ring => {
      const said = `${ring.name} (${size(Math.round(10 ** ring.x))}): mean ${number(ring.y)} over ${ring.count} ${partner} partner${ring.count === 1 ? "" : "s"}` + (ring.chance === null || what() !== "score" ? "" : `, chance ${number(ring.chance)}`);
      if (ring.chance !== null && what() === "score") put(lines, "line", { x1: X(ring.x) - 6, x2: X(ring.x) + 6, y1: Y(ring.chance), y2: Y(ring.chance), stroke: "var(--null)", "stroke-width": 3, "data-said": said });
      Object.assign(ring, { px: X(ring.x), py: Y(ring.y) });
      put(marks, "circle", { cx: ring.px, cy: ring.py, r: 5.5, fill: "var(--paper)", stroke: tint, "stroke-width": 2.2, "data-said": said });
    });
    const item = document.createElement("li"), dot = document.createElement("i");
    dot.style.background = tint;
    item.append(dot, `${side || "these"} models with ${partner || "other"} models: `, !found || found.r === null
      ? `too few models of different sizes for a trend (n = ${rings.length})`
      : `r = ${number(found.r, 2)} (${found.low === null ? "too few for an interval" : `95 % interval ${number(found.low, 2)} to ${number(found.high, 2)}`}, n = ${found.n} models)`);
    if (what() === "score" && rings.some(ring => ring.chance !== null)) item.append("; grey bars: what chance gives");
    list.append(item);
    return rings;
  }

  const decades = (x0, x1, most) => {
    let marks = [];
    for (let e = Math.floor(x0); e <= Math.ceil(x1); e++) [1, 2, 5].forEach(k => marks.push([e + Math.log10(k), k, k * 10 ** e]));
    marks = marks.filter(([v]) => v >= x0 && v <= x1);
    if (marks.length > most && marks.filter(m => m[1] === 1).length > 1) marks = marks.filter(m => m[1] === 1);
    return marks.map(([v, , n]) => [v, size(+n.toPrecision(1))]);
  };

  // A model's name beside its first ring that has one of four places free; without a free place it is named on hover only.
  function name(svg, rings, box, label) {
    const taken = rings.map(ring => [ring.px - 6, ring.py - 6, ring.px + 6, ring.py + 6]);
    const named = new Set();
    rings.forEach(ring => {
      if (named.has(ring.name)) return;
      const text = label(ring), wide = textWidth(text, 11);
      const places = [[9, 4, "start"], [-9, 4, "end"], [0, -10, "middle"], [0, 19, "middle"]];
      for (const [dx, dy, anchor] of places) {
        const x = ring.px + dx, y = ring.py + dy, from = anchor === "start" ? x : anchor === "end" ? x - wide : x - wide / 2;
        const area = [from, y - 10, from + wide, y + 2];
        const free = area[0] > box.l && area[2] < box.r + 10 && area[1] > 0 && area[3] < box.b && taken.every(t => area[2] < t[0] || area[0] > t[2] || area[3] < t[1] || area[1] > t[3]);
        if (!free) continue;
        taken.push(area);
        named.add(ring.name);
        put(svg, "text", { x, y, "text-anchor": anchor, class: "tick near", "pointer-events": "none" }, text);
        break;
      }
    });
  }

  // ---- layers and the null of one pair

  const panels = [...document.querySelectorAll(".panel")];

  function unpacked(row) {
    const left = DATA.layers[row.grid.left], right = DATA.layers[row.grid.right], bytes = atob(row.grid.cells);
    const cells = left.map((_, i) => right.map((_, j) => {
      const at = 2 * (i * right.length + j), step = bytes.charCodeAt(at) + 256 * bytes.charCodeAt(at + 1);
      return step === 65535 ? null : row.grid.low + (row.grid.high - row.grid.low) * step / 65534;
    }));
    return { left, right, cells };
  }

  // Layer names as ticks: what most of them begin with is said once, on the axis.
  function numbered(names) {
    const starts = names.map(text => text.match(/^\D*/)[0]), counts = {};
    starts.forEach(start => { counts[start] = (counts[start] || 0) + 1; });
    const common = Object.keys(counts).sort((a, b) => counts[b] - counts[a])[0];
    const strip = common && counts[common] > names.length / 2 && names.length > 1;
    return { stem: strip ? `${common}*` : "", ticks: names.map((text, k) => strip && starts[k] === common && text.length > common.length ? text.slice(common.length) : text) };
  }

  function layers(panel, row) {
    const svg = panel.querySelector(".grid"), said = panel.querySelector(".readout"), { left, right, cells } = unpacked(row);
    const down = numbered(left), across = numbered(right), room = panel.clientWidth;
    const margin = 26 + Math.max(...down.ticks.map(text => textWidth(cut(text, 10), 11)));
    const long = across.ticks.map(text => text.length > 3), top = long.includes(true) ? 12 + Math.max(...across.ticks.map(text => textWidth(cut(text, 10), 11))) : 18;
    const cell = Math.min(22, (room - margin - 4) / right.length, Math.max(6, 420 / left.length)), bottom = top + left.length * cell;
    const paint = scale(row.grid.low, row.grid.high, row.alike === "low"), every = Math.ceil(16 / cell);
    const wide = Math.max(margin + right.length * cell + 4, Math.min(room, margin + 170));
    clear(svg, wide, bottom + 62, `Scores of all layer pairs: ${row.left} (rows), ${row.right} (columns)`);
    across.ticks.forEach((text, j) => {
      const x = margin + (j + 0.5) * cell + (long[j] ? 4 : 0), y = top - 5;
      if (j % every === 0) put(svg, "text", long[j] ? { x, y, class: "tick", transform: `rotate(-90 ${x} ${y})` } : { x, y, class: "tick", "text-anchor": "middle" }, cut(text, 10), right[j]);
    });
    down.ticks.forEach((text, i) => { if (i % every === 0) put(svg, "text", { x: margin - 6, y: top + (i + 0.5) * cell + 4, class: "tick", "text-anchor": "end" }, cut(text, 10), left[i]); });
    cells.forEach((line, i) => line.forEach((v, j) => put(svg, "rect", { x: margin + j * cell, y: top + i * cell, width: cell - 0.4, height: cell - 0.4, fill: v === null ? "url(#absent)" : `rgb(${paint(v)})`, "data-cell": `${i} ${j}` })));
    const best = [left.indexOf(row.left_layer), right.indexOf(row.right_layer)];
    ["halo", "best"].forEach(kind => put(svg, "rect", { x: margin + best[1] * cell - 1, y: top + best[0] * cell - 1, width: cell + 1.6, height: cell + 1.6, class: kind, "pointer-events": "none" }));
    const middle = (bottom + 8) / 2, names = [[row.left, down.stem], [row.right, across.stem]].map(([model, stem], k) => cut(plain.get(model), Math.max(14, Math.floor((k ? wide - margin : bottom) / 6.7) - stem.length - 3)) + (stem ? ` · ${stem}` : ""));
    put(svg, "text", { x: 11, y: middle, "text-anchor": "middle", class: "soft", transform: `rotate(-90 11 ${middle})` }, names[0], row.left);
    put(svg, "text", { x: margin, y: bottom + 17, class: "soft" }, names[1], row.right);
    legend(svg, margin, bottom + 28, Math.max(150, Math.min(220, right.length * cell)), row.grid.low, row.grid.high, paint, "raw");
    const say = (i, j) => `${left[i]} ${joint(row)} ${right[j]}: ${cells[i][j] === null ? "no score" : number(cells[i][j])}`;
    readable(svg, [left.length, right.length], { x: margin, y: top, cell }, said, say);
    said.textContent = `most alike: ${say(...best)}`;
  }

  function chance(panel, row) {
    const svg = panel.querySelector(".null"), caption = panel.querySelector("figcaption"), hist = row.hist, width = Math.min(panel.clientWidth, 420);
    if (!hist) {
      const why = row.said.p === "–" ? "No null was drawn." : `No draws were needed: the null is a closed form, with mean ${number(row.null_mean)} and threshold ${number(row.tau)}.`;
      clear(svg, width, 30, why);
      put(svg, "text", { x: 0, y: 20, class: "soft" }, why);
      caption.textContent = `${row.left} ${joint(row)} ${row.right}, n = ${row.n}.`;
      return;
    }
    const box = { l: 48, r: width - 14, t: 40, b: 170 }, ends = [hist.low, hist.high, row.score, row.tau];
    clear(svg, width, box.b + 42, `The null of ${row.left} and ${row.right}, its threshold and the score`);
    const pad = (Math.max(...ends) - Math.min(...ends)) * 0.06 || 0.01, x0 = Math.min(...ends) - pad, x1 = Math.max(...ends) + pad, most = Math.max(...hist.counts);
    const X = v => box.l + (v - x0) / (x1 - x0) * (box.r - box.l), Y = v => box.b - v / most * (box.b - box.t), step = (hist.high - hist.low) / hist.counts.length;
    axes(svg, box, { ticks: ticks(x0, x1, 4), at: X, label: "score" }, { ticks: ticks(0, most, 3).filter(([v]) => v === Math.round(v)), at: Y, label: "draws" });
    hist.counts.forEach((c, k) => { if (c) put(svg, "rect", { x: X(hist.low + k * step), y: Y(c), width: Math.max(1, X(hist.low + step) - X(hist.low) - 0.3), height: box.b - Y(c), fill: "var(--null)" }); });
    const line = (v, tint, dash, text, y) => {
      put(svg, "line", { x1: X(v), x2: X(v), y1: y + 4, y2: box.b, stroke: tint, "stroke-width": 2, "stroke-dasharray": dash });
      const half = textWidth(text) / 2, x = X(v);
      put(svg, "text", { x: Math.min(Math.max(x, half), width - half), y, "text-anchor": "middle" }, text);
    };
    line(row.tau, "var(--soft)", "4 3", `threshold ${number(row.tau)}`, 11);
    line(row.score, "var(--mark)", "none", `score ${number(row.score)}`, 27);
    caption.textContent = `${row.left} ${joint(row)} ${row.right}: p\u00a0${bound(row.said.p)}, n\u00a0=\u00a0${row.n.toLocaleString("en")}, ${row.draws.toLocaleString("en")} draws.`;
  }

  const show = panel => { const row = DATA.rows[+panel.querySelector("select").value]; layers(panel, row); chance(panel, row); };
  const choose = (k, row) => { panels[k].querySelector("select").value = row.id; show(panels[k]); };

  function pairs() {
    const sorted = [...current()].sort((a, b) => a.rank - b.rank), last = sorted.length - 1;
    const starts = last < 2 ? [0, last] : [0, Math.floor(last / 2), last];
    const places = [["the pair"], ["the stronger pair", "the weaker pair"], ["the strongest pair", "the median pair", "the weakest pair"]][Math.min(last, 2)];
    panels.forEach((panel, k) => {
      panel.hidden = k > last;
      if (panel.hidden) return;
      panel.querySelector("select").replaceChildren(...sorted.map((row, rank) => option(row.id, `${rank + 1}. ${cut(row.left, 40)} ${joint(row)} ${cut(row.right, 40)} (${number(row.score)})`)));
      panel.querySelector(".place").textContent = places[k];
      choose(k, sorted[starts[k]]);
    });
  }

  // ---- the table

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0], key = (tr, k) => {
      const cell = tr.cells[k];
      return cell.dataset.v === undefined ? cell.textContent : cell.dataset.v === "" ? NaN : +cell.dataset.v;
    };
    heads.forEach((head, k) => head.firstElementChild.addEventListener("click", () => {
      const first = head.classList.contains("n") ? "descending" : "ascending", second = first === "ascending" ? "descending" : "ascending";
      const sense = head.getAttribute("aria-sort") === first ? second : first, sign = sense === "ascending" ? 1 : -1;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sense);
      const compare = (a, b) => typeof a === "string" ? sign * a.localeCompare(b, "en", { numeric: true })
        : Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : sign * (a - b);
      body.append(...[...body.rows].map(tr => [key(tr, k), tr]).sort((a, b) => compare(a[0], b[0])).map(([, tr]) => tr));
    }));
  }

  function filterable(table, input, shown) {
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      [...table.tBodies[0].rows].forEach(tr => {
        const text = tr.textContent.toLowerCase();
        tr.hidden = !words.every(word => text.includes(word));
        if (!tr.hidden) count += 1;
      });
      shown.textContent = words.length ? `${count} of ${table.tBodies[0].rows.length}` : "";
    });
  }

  // ---- at work

  const figures = () => { heat(); trend(); };
  const settle = () => { if (!current().some(row => row[what()] !== null)) $("what").value = "score"; };
  [...new Set(DATA.rows.map(row => row.group))].forEach(group => $("metric").append(option(group, group)));
  modalities.forEach(kind => $("side").append(option(kind, kind || "all")));
  $("metric").addEventListener("change", () => { settle(); figures(); pairs(); });
  $("what").addEventListener("change", figures);
  $("order").addEventListener("change", heat);
  $("side").addEventListener("change", trend);
  panels.forEach(panel => panel.querySelector("select").addEventListener("change", () => show(panel)));
  sortable($("rows"));
  filterable($("rows"), $("filter"), $("shown"));
  let width = document.documentElement.clientWidth, wait = 0;
  addEventListener("resize", () => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      if (width === document.documentElement.clientWidth) return;
      width = document.documentElement.clientWidth;
      figures();
      panels.filter(panel => !panel.hidden).forEach(show);
    }, 120);
  });
  let unfolded = [];  // on paper all remarks are read
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll(".remarks details:not([open])")];
    unfolded.forEach(one => { one.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach(one => { one.open = false; }));
  settle();
  figures();
  pairs();
})();
