"use strict";
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const NS = "http://www.w3.org/2000/svg";
  const $ = id => document.getElementById(id);
  if (!$("heat")) return;
  // viridis, sampled: even steps of lightness, safe for colour-blind readers
  const RAMP = ["#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725"];
  const SERIES = ["#2458a6", "#b3460f", "#117733", "#882255", "#7a5c00", "#117f8a", "#aa4499", "#555555"];
  const make = (name, attributes, text) => {
    const node = document.createElementNS(NS, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const option = (value, text) => { const o = document.createElement("option"); o.value = value; o.textContent = text; return o; };
  const cut = (text, n) => text.length > n ? text.slice(0, n - 1) + "…" : text;
  const number = v => v === null || v === undefined ? "–" : (v < 0 ? "−" : "") + (Math.abs(v) >= 0.0005 || v === 0 ? Math.abs(v).toFixed(3) : Math.abs(v).toExponential(1));
  const size = v => v >= 1e9 ? +(v / 1e9).toPrecision(3) + " G" : v >= 1e6 ? +(v / 1e6).toPrecision(3) + " M" : v >= 1e3 ? +(v / 1e3).toPrecision(3) + " k" : "" + v;
  const hex = c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16));
  const colour = t => {
    const at = Math.min(Math.max(t, 0), 1) * (RAMP.length - 1), i = Math.min(Math.floor(at), RAMP.length - 2), f = at - i;
    const a = hex(RAMP[i]), b = hex(RAMP[i + 1]);
    return a.map((v, k) => Math.round(v + (b[k] - v) * f));
  };
  const ink = rgb => 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140 ? "#000" : "#fff";
  const clear = (node, width, height) => {
    node.replaceChildren();
    node.setAttribute("viewBox", `0 0 ${width} ${height}`); node.setAttribute("width", width); node.setAttribute("height", height);
  };
  const title = (node, text) => node.append(make("title", {}, text));
  const widest = names => Math.min(170, 14 + 6.7 * Math.max(...names.map(n => Math.min(n.length, 24))));
  const groupOf = row => row.metric + (row.conditioning === "unit" ? "" : " · " + row.conditioning);
  const groups = [...new Set(data.rows.map(groupOf))];
  groups.forEach(g => $("metric").append(option(g, g)));
  const modalities = [...new Set(data.models.map(m => m.modality))];
  modalities.forEach(m => $("side").append(option(m, m || "all")));
  const current = () => data.rows.filter(row => groupOf(row) === $("metric").value);
  const what = () => $("what").value;
  const has = rows => rows.some(row => row[what()] !== null);

  function legend(svg, x, y, low, high, label) {
    const id = "ramp-" + svg.id, gradient = make("linearGradient", { id });
    RAMP.forEach((c, i) => gradient.append(make("stop", { offset: i / (RAMP.length - 1), "stop-color": c })));
    const defs = make("defs", {}); defs.append(gradient); svg.append(defs);
    svg.append(make("rect", { x, y, width: 150, height: 9, fill: `url(#${id})` }));
    svg.append(make("text", { x, y: y + 22 }, number(low)));
    svg.append(make("text", { x: x + 150, y: y + 22, "text-anchor": "end" }, number(high)));
    svg.append(make("text", { x: x + 160, y: y + 9, class: "soft" }, label));
  }

  function heat() {
    const svg = $("heat"), rows = current();
    const cross = rows.every(row => row.left_modality !== row.right_modality);
    const order = data.models.map(m => m.name);
    const uniq = side => order.filter(name => rows.some(row => row[side] === name));
    const ys = cross ? uniq("left") : order.filter(n => rows.some(r => r.left === n || r.right === n));
    const xs = cross ? uniq("right") : ys;
    const left = widest(ys), top = widest(xs) * 0.78 + 10, cell = Math.max(18, Math.min(46, 760 / Math.max(xs.length, 1)));
    const height = top + ys.length * cell + 44;
    clear(svg, left + xs.length * cell + 70, Math.max(height, 120));
    const values = rows.map(row => row[what()]).filter(v => v !== null);
    const low = Math.min(...values, what() === "calibrated" ? 0 : Infinity), high = Math.max(...values, low + 1e-9);
    const defs = make("defs", {}), pattern = make("pattern", { id: "none", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    pattern.append(make("line", { x1: 0, y1: 0, x2: 0, y2: 6, stroke: "var(--line)", "stroke-width": 2 })); defs.append(pattern); svg.append(defs);
    xs.forEach((name, j) => {
      const x = left + (j + 0.5) * cell, t = make("text", { x, y: top - 6, transform: `rotate(-50 ${x} ${top - 6})` }, cut(name, 24));
      title(t, name); svg.append(t);
    });
    const flip = rows.length && rows[0].alike === "low" && what() === "score";
    ys.forEach((name, i) => {
      const t = make("text", { x: left - 6, y: top + (i + 0.5) * cell + 4, "text-anchor": "end" }, cut(name, 24));
      title(t, name); svg.append(t);
      xs.forEach((other, j) => {
        const row = rows.find(r => r.left === name && r.right === other) || (!cross && rows.find(r => r.left === other && r.right === name));
        const box = { x: left + j * cell, y: top + i * cell, width: cell - 1, height: cell - 1 };
        if (!row || row[what()] === null) { svg.append(make("rect", { ...box, fill: "url(#none)" })); return; }
        const v = row[what()], share = (v - low) / (high - low || 1), rgb = colour(flip ? 1 - share : share);
        const rect = make("rect", { ...box, fill: `rgb(${rgb})`, style: "cursor:pointer" });
        const said = `${row.left} ~ ${row.right}: raw ${number(row.score)}, calibrated ${number(row.calibrated)}, p ${row.p === null ? "–" : row.p.toPrecision(2)} (BH ${row.p_bh === null ? "–" : row.p_bh.toPrecision(2)}); layers ${row.left_layer} ~ ${row.right_layer}`;
        title(rect, said);
        rect.addEventListener("mouseenter", () => { $("heat-readout").textContent = said; });
        rect.addEventListener("click", () => { $("pair").value = row.key; one(); $("layers").scrollIntoView({ behavior: "smooth" }); });
        svg.append(rect);
        if (cell >= 34) svg.append(make("text", { x: box.x + cell / 2, y: box.y + cell / 2 + 4, "text-anchor": "middle", style: `fill:${ink(rgb)};pointer-events:none;font-size:11px` }, v.toFixed(2).replace("-", "−")));
        if (row.p_bh !== null && row.p_bh > row.alpha) svg.append(make("circle", { cx: box.x + cell - 7, cy: box.y + 7, r: 2.5, fill: ink(rgb), style: "pointer-events:none" }));
      });
    });
    if (values.length) legend(svg, left, top + ys.length * cell + 10, low, high, what() === "calibrated" ? "calibrated" : "raw score");
    if (!values.length) svg.append(make("text", { x: left, y: top + 16 }, "No calibrated score: the metric has no bound, or no draws were made."));
  }

  function axes(svg, box, x, y) {
    svg.append(make("line", { x1: box.l, y1: box.b, x2: box.r, y2: box.b, class: "axis" }));
    svg.append(make("line", { x1: box.l, y1: box.t, x2: box.l, y2: box.b, class: "axis" }));
    x.ticks.forEach(v => { svg.append(make("text", { x: x.at(v), y: box.b + 17, "text-anchor": "middle" }, x.text(v))); svg.append(make("line", { x1: x.at(v), y1: box.b, x2: x.at(v), y2: box.b + 4, class: "axis" })); });
    y.ticks.forEach(v => { svg.append(make("text", { x: box.l - 7, y: y.at(v) + 4, "text-anchor": "end" }, y.text(v))); svg.append(make("line", { x1: box.l, y1: y.at(v), x2: box.r, y2: y.at(v), class: "axis", "stroke-dasharray": "2 4" })); });
    svg.append(make("text", { x: (box.l + box.r) / 2, y: box.b + 36, "text-anchor": "middle", class: "soft" }, x.label));
    svg.append(make("text", { x: 14, y: (box.t + box.b) / 2, "text-anchor": "middle", class: "soft", transform: `rotate(-90 14 ${(box.t + box.b) / 2})` }, y.label));
  }
  const ticks = (low, high, n) => {
    const raw = (high - low) / n || 1e-9, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(k => k * power).find(s => s >= raw);
    const out = []; for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-6; v += step) out.push(Math.abs(v) < step * 1e-6 ? 0 : v); return out;
  };
  const places = list => { const step = list.length > 1 ? Math.abs(list[1] - list[0]) : 1; return Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)); };

  function scatter() {
    const svg = $("scatter"), side = $("side").value, points = [];
    current().forEach(row => [["left", "right"], ["right", "left"]].forEach(([a, b]) => {
      if (row[a + "_modality"] === side && row[a + "_parameters"] > 0 && row[what()] !== null) points.push({ name: row[a], other: row[b], x: Math.log10(row[a + "_parameters"]), y: row[what()], row });
    }));
    clear(svg, 860, 400);
    const trend = data.trends.find(t => t.group === $("metric").value && t.modality === side && t.what === what());
    if (!points.length) { svg.append(make("text", { x: 20, y: 40 }, "No parameter counts are known for these models, or no such score.")); $("trend-readout").textContent = ""; return; }
    const box = { l: 64, r: 640, t: 14, b: 340 }, xs = points.map(p => p.x), ys = points.map(p => p.y);
    const pad = Math.max(0.08, (Math.max(...xs) - Math.min(...xs)) * 0.06), x0 = Math.min(...xs) - pad, x1 = Math.max(...xs) + pad;
    const y0 = Math.min(0, ...ys), y1 = Math.max(...ys) * 1.06 || 1;
    const X = v => box.l + (v - x0) / (x1 - x0) * (box.r - box.l), Y = v => box.b - (v - y0) / (y1 - y0) * (box.b - box.t);
    let marks = []; for (let e = Math.floor(x0); e <= Math.ceil(x1); e++) [1, 2, 5].forEach(k => marks.push(e + Math.log10(k)));
    marks = marks.filter(v => v >= x0 && v <= x1); while (marks.length > 8) marks = marks.filter((_, i) => i % 2 === 0);
    const yt = ticks(y0, y1, 5);
    axes(svg, box, { ticks: marks, at: X, text: v => size(Math.round(10 ** v)), label: `parameters of the ${side || ""} model (log scale)` }, { ticks: yt, at: Y, text: v => v.toFixed(places(yt)).replace("-", "−"), label: what() === "calibrated" ? "calibrated alignment" : "raw alignment" });
    const others = [...new Set(points.map(p => p.other))];
    if (trend && trend.slope !== null) svg.append(make("line", { x1: X(x0), y1: Y(trend.intercept + trend.slope * x0), x2: X(x1), y2: Y(trend.intercept + trend.slope * x1), stroke: "var(--ink)", "stroke-width": 1.5, "stroke-dasharray": "6 4" }));
    points.forEach(p => {
      const k = others.indexOf(p.other), c = make("circle", { cx: X(p.x), cy: Y(p.y), r: 4.5, fill: SERIES[k % SERIES.length], "fill-opacity": .8, stroke: "var(--paper)" });
      const said = `${p.name} (${size(Math.round(10 ** p.x))} parameters) with ${p.other}: ${number(p.y)}`;
      title(c, said); c.addEventListener("mouseenter", () => { $("trend-readout").textContent = said; }); svg.append(c);
    });
    others.slice(0, 18).forEach((name, k) => {
      svg.append(make("circle", { cx: 664, cy: 24 + k * 18, r: 4.5, fill: SERIES[k % SERIES.length] }));
      const t = make("text", { x: 676, y: 28 + k * 18 }, cut(name, 26)); title(t, name); svg.append(t);
    });
    if (others.length > 18) svg.append(make("text", { x: 676, y: 28 + 18 * 18, class: "soft" }, `and ${others.length - 18} more`));
    $("trend-readout").textContent = !trend ? "" : trend.r === null ? `Too few models of different sizes for a trend (${trend.n}).` : `r = ${number(trend.r)} (95 % interval ${number(trend.low)} to ${number(trend.high)}; n = ${trend.n} models)`;
  }

  function one() {
    const row = data.rows.find(r => r.key === $("pair").value), grid = data.grids[row.key], svg = $("grid");
    const flat = grid.scores.flat(), low = Math.min(...flat), high = Math.max(...flat), n = grid.left.length, m = grid.right.length;
    const left = widest(grid.left), top = widest(grid.right) * 0.78 + 12, cell = Math.max(9, Math.min(30, 420 / m, 560 / n));
    clear(svg, left + Math.max(m * cell, 240) + 30, top + n * cell + 66);
    const every = Math.ceil(13 / cell);
    grid.right.forEach((name, j) => { if (j % every === 0) { const x = left + (j + .5) * cell; const t = make("text", { x, y: top - 5, transform: `rotate(-50 ${x} ${top - 5})` }, cut(name, 22)); title(t, name); svg.append(t); } });
    const flip = row.alike === "low";
    grid.left.forEach((name, i) => {
      if (i % every === 0) { const t = make("text", { x: left - 6, y: top + (i + .5) * cell + 4, "text-anchor": "end" }, cut(name, 24)); title(t, name); svg.append(t); }
      grid.right.forEach((other, j) => {
        const v = grid.scores[i][j], share = (v - low) / (high - low || 1), rect = make("rect", { x: left + j * cell, y: top + i * cell, width: cell - .6, height: cell - .6, fill: `rgb(${colour(flip ? 1 - share : share)})` });
        const said = `${name} ~ ${other}: ${number(v)}`; title(rect, said);
        rect.addEventListener("mouseenter", () => { $("grid-readout").textContent = said; }); svg.append(rect);
      });
    });
    const i = grid.left.indexOf(row.left_layer), j = grid.right.indexOf(row.right_layer);
    svg.append(make("rect", { x: left + j * cell - 1, y: top + i * cell - 1, width: cell + 1.4, height: cell + 1.4, fill: "none", stroke: "#fff", "stroke-width": 4 }));
    svg.append(make("rect", { x: left + j * cell - 1, y: top + i * cell - 1, width: cell + 1.4, height: cell + 1.4, fill: "none", stroke: "#c00", "stroke-width": 2 }));
    legend(svg, left, top + n * cell + 12, low, high, "raw score");
    svg.append(make("text", { x: left, y: top + n * cell + 58, class: "soft" }, `rows: ${cut(row.left, 24)} · columns: ${cut(row.right, 24)}`));
    $("grid-readout").textContent = `${row.left_layer} ~ ${row.right_layer}: ${number(row.score)}`;
    nulls(row, grid.hist);
  }

  function nulls(row, hist) {
    const svg = $("null"); clear(svg, 400, 270);
    if (!hist) { svg.append(make("text", { x: 10, y: 40 }, "No draws were made.")); $("null-caption").textContent = ""; return; }
    const low = Math.min(hist.low, row.score), high = Math.max(hist.high, row.score), pad = (high - low) * .06 || .01, box = { l: 56, r: 390, t: 34, b: 214 };
    const x0 = low - pad, x1 = high + pad, most = Math.max(...hist.counts), X = v => box.l + (v - x0) / (x1 - x0) * (box.r - box.l), Y = v => box.b - v / most * (box.b - box.t), step = (hist.high - hist.low) / hist.counts.length;
    const xt = ticks(x0, x1, 4), yt = ticks(0, most, 3);
    axes(svg, box, { ticks: xt, at: X, text: v => v.toFixed(places(xt)).replace("-", "−"), label: "score" }, { ticks: yt, at: Y, text: v => "" + Math.round(v), label: "draws" });
    hist.counts.forEach((c, k) => { if (c) svg.append(make("rect", { x: X(hist.low + k * step), y: Y(c), width: Math.max(.7, X(hist.low + (k + 1) * step) - X(hist.low + k * step)), height: box.b - Y(c), fill: "var(--null)" })); });
    const line = (v, c, dash, text, y) => { svg.append(make("line", { x1: X(v), x2: X(v), y1: box.t - 6, y2: box.b, stroke: c, "stroke-width": 2, "stroke-dasharray": dash })); svg.append(make("text", { x: X(v), y, "text-anchor": X(v) > 300 ? "end" : X(v) < 100 ? "start" : "middle" }, text)); };
    line(row.tau, "var(--soft)", "4 3", `threshold ${number(row.tau)}`, 12);
    line(row.score, "var(--mark)", "none", `score ${number(row.score)}`, 26);
    $("null-caption").textContent = `The summary under ${row.draws} re-pairings of the samples (grey), its threshold, and the score on the true pairing. p ${row.p <= 1 / (row.draws + 1) + 1e-12 ? "≤" : "="} ${row.p.toPrecision(2)}, n = ${row.n}.`;
  }

  function pairs() {
    const rows = current(), better = r => (r.calibrated !== null ? r.calibrated : 0) * 1e3 + (r.alike === "low" ? -r.score : r.score), sorted = [...rows].sort((a, b) => better(b) - better(a)), before = $("pair").value;
    $("pair").replaceChildren(...sorted.map((r, k) => option(r.key, `${k + 1}. ${cut(r.left, 40)} ~ ${cut(r.right, 40)} (${number(r.score)})${k === 0 ? " — strongest" : k === sorted.length - 1 ? " — weakest" : k === Math.floor(sorted.length / 2) ? " — median" : ""}`)));
    if (sorted.some(r => r.key === before)) $("pair").value = before;
  }
  const all = () => { heat(); scatter(); };
  $("metric").addEventListener("change", () => { if (!has(current())) $("what").value = "score"; all(); pairs(); one(); });
  $("what").addEventListener("change", all);
  $("side").addEventListener("change", scatter);
  $("pair").addEventListener("change", one);
  if (!has(current())) $("what").value = "score";
  all(); pairs(); one();

  document.querySelectorAll("#rows thead button").forEach((button, k) => button.addEventListener("click", () => {
    const head = button.parentNode, up = head.getAttribute("aria-sort") !== "descending", body = document.querySelector("#rows tbody");
    document.querySelectorAll("#rows thead th").forEach(h => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "descending" : "ascending");
    const key = tr => { const c = tr.children[k]; return c.dataset.v === undefined ? c.textContent : c.dataset.v === "" ? -Infinity : +c.dataset.v; };
    [...body.children].sort((a, b) => { const x = key(a), y = key(b), c = typeof x === "number" ? x - y : x.localeCompare(y); return up ? -c : c; }).forEach(tr => body.append(tr));
  }));
})();
