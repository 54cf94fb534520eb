"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const DATA = JSON.parse($("figures").textContent);
  if (!DATA.rows.length) return;
  DATA.rows.forEach((row, id) => { row.id = id; });

  // ---- words

  const minus = text => text.replaceAll("-", "−");
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
  const SERIES = [1, 2, 3, 4, 5, 6, 7].map(k => `var(--hue${k})`), OTHERS = "var(--soft)";

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
  const family = new Map(DATA.models.map(model => [model.name, model.family]));
  const families = [...new Set(DATA.models.map(model => model.family))];
  const chosen = name => !$("family").value || `=${family.get(name)}` === $("family").value;
  // Colour and shape of a model are its family's among those of its modality: the first seven have a colour, all a shape.
  const kin = modalities.map(kind => [...new Set(DATA.models.filter(model => model.modality === kind).map(model => model.family))]);
  const nth = name => Math.max(0, (kin[modalities.indexOf(modality.get(name))] || []).indexOf(family.get(name)));
  const tint = name => SERIES[nth(name)] || OTHERS;
  const average = values => values.reduce((sum, v) => sum + v, 0) / values.length;
  const many = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
  const kinded = kind => kind ? `${kind} models` : "models";

  // A table of plain words: heads, then rows whose first cell names them.
  function tabled(table, heads, rows) {
    const cell = (name, text, scope) => {
      const node = document.createElement(name);
      node.textContent = text;
      if (scope) node.scope = scope;
      return node;
    };
    const head = document.createElement("thead"), body = document.createElement("tbody"), top = document.createElement("tr");
    top.append(...heads.map(text => cell("th", text, "col")));
    head.append(top);
    rows.forEach(texts => {
      const line = document.createElement("tr");
      line.append(...texts.map((text, k) => k ? cell("td", text) : cell("th", text, "row")));
      body.append(line);
    });
    table.replaceChildren(head, body);
  }

  // A table made when it is opened, and made anew while it is open.
  function unfolding(details, make) {
    const fill = () => {
      const place = details.querySelector(".scroll"), table = document.createElement("table");
      place.replaceChildren(table);
      tabled(table, ...make());
    };
    details.ontoggle = () => { if (details.open) fill(); };
    if (details.open) fill();
  }

  // Circle, square, triangle, diamond, triangle downwards, cross, pentagon: paths around a centre, of about one area.
  const SHAPES = [
    r => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0z`,
    r => { const a = r * 0.89; return `M${-a},${-a}h${2 * a}v${2 * a}h${-2 * a}z`; },
    r => `M0,${-1.25 * r}L${1.15 * r},${0.8 * r}H${-1.15 * r}z`,
    r => `M0,${-1.25 * r}L${1.1 * r},0L0,${1.25 * r}L${-1.1 * r},0z`,
    r => `M0,${1.25 * r}L${1.15 * r},${-0.8 * r}H${-1.15 * r}z`,
    r => { const a = r * 0.42, b = 1.15 * r; return `M${-a},${-b}h${2 * a}v${b - a}h${b - a}v${2 * a}h${a - b}v${b - a}h${-2 * a}v${a - b}h${a - b}v${-2 * a}h${b - a}z`; },
    r => `M${[0, 1, 2, 3, 4].map(k => [1.15 * r * Math.sin(k * 1.2566), -1.15 * r * Math.cos(k * 1.2566)].map(v => v.toFixed(2)).join(",")).join("L")}z`,
  ];
  const mark = (svg, x, y, r, name, attributes = {}) => put(svg, "path", { d: SHAPES[nth(name) % SHAPES.length](r), transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`, stroke: tint(name), ...attributes });

  // Marks that pointer, touch and arrow keys read out: the nearest within reach, or the next to the right or left.
  function walked(svg, marks, said) {
    const sorted = [...marks].sort((a, b) => a.px - b.px || a.py - b.py), cursor = put(svg, "circle", { r: 9, class: "cursor", visibility: "hidden", "pointer-events": "none" });
    let at = -1;
    const go = k => {
      at = Math.min(Math.max(k, 0), sorted.length - 1);
      cursor.setAttribute("cx", sorted[at].px);
      cursor.setAttribute("cy", sorted[at].py);
      cursor.setAttribute("visibility", "visible");
      said.textContent = sorted[at].said;
    };
    svg.onpointermove = svg.onclick = event => {
      const frame = svg.getBoundingClientRect(), ratio = svg.viewBox.baseVal.width / frame.width;
      const x = (event.clientX - frame.left) * ratio, y = (event.clientY - frame.top) * ratio;
      const far = sorted.map(one => Math.hypot(one.px - x, one.py - y)), nearest = far.indexOf(Math.min(...far));
      if (far[nearest] < 22) go(nearest);
    };
    svg.onkeydown = event => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (step && sorted.length) { event.preventDefault(); go(at < 0 ? 0 : at + step); }
      if (event.key === "Home" || event.key === "End") { event.preventDefault(); go(event.key === "Home" ? 0 : sorted.length - 1); }
    };
  }

  // ---- model by model

  function ordered(rows) {
    const names = DATA.models.map(model => model.name), by = $("order").value, joined = DATA.places[$("metric").value].order;
    const mean = new Map(names.map(name => {
      const values = rows.filter(row => (row.left === name || row.right === name) && row[what()] !== null).map(row => row[what()]);
      const average = values.reduce((sum, v) => sum + v, 0) / (values.length || 1);
      return [name, flipped(rows) ? -average : average];
    }));
    const place = name => joined.includes(name) ? joined.indexOf(name) : Infinity;
    if (by === "cluster") names.sort((a, b) => place(a) - place(b) || 0);
    if (by === "alike") names.sort((a, b) => mean.get(b) - mean.get(a));
    if (by === "size") names.sort((a, b) => (parameters.get(a) ?? Infinity) - (parameters.get(b) ?? Infinity));
    return names.sort((a, b) => modalities.indexOf(modality.get(a)) - modalities.indexOf(modality.get(b)));
  }
  const flipped = rows => rows[0].alike === "low" && what() === "score";

  // Rows and columns of the map and the comparison in each cell: a rectangle if all pairs cross two modalities, else a square.
  function matrix(rows) {
    const there = new Set(rows.flatMap(row => [row.left, row.right])), of = DATA.models.filter(model => chosen(model.name)).map(model => model.modality);
    const kept = ordered(rows).filter(name => there.has(name));
    const names = kept.filter(name => chosen(name) || !of.includes(modality.get(name))), kinds = [...new Set(names.map(name => modality.get(name)))];
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
    const cell = Math.floor(Math.min(map.down.length > 16 ? 30 : 46, Math.max(map.across.length > 14 ? 15 : 21, (room - left - over) / map.across.length)));
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

  // ---- alignment against what is known of the models

  const asked = () => DATA.measures.find(one => one.what === $("against").value);
  const grown = (one, v) => (one.better === "high" ? 1 : -1) * (one.log ? Math.log10(v) : v);
  const sides = () => JSON.parse($("side").value || "[]");

  // Sides of which the measure is known, with the modality of their partners.
  function offered() {
    const one = asked(), found = new Map();
    current().forEach(row => [["left", "right"], ["right", "left"]].forEach(([a, b]) => {
      if (one && Object.hasOwn(one.values, row[a])) found.set(JSON.stringify([row[`${a}_modality`], row[`${b}_modality`]]), [row[`${a}_modality`], row[`${b}_modality`]]);
    }));
    const list = [...found.entries()].sort(([, a], [, b]) => (a[0] === a[1]) - (b[0] === b[1])), before = $("side").value;
    $("side").replaceChildren(...list.map(([value, [side, partner]]) => option(value, side === partner ? `${kinded(side)} with each other` : `${kinded(side)} with ${kinded(partner)}`)));
    if (found.has(before)) $("side").value = before;
  }

  // Each model's mean over its partners of one modality, and the pairs behind it.
  function means(what) {
    const one = asked(), [side, partner] = sides(), found = new Map();
    current().forEach(row => [["left", "right"], ["right", "left"]].forEach(([a, b]) => {
      if (!one || row[`${a}_modality`] !== side || row[`${b}_modality`] !== partner || !Object.hasOwn(one.values, row[a]) || row[what] === null) return;
      if (!found.has(row[a])) found.set(row[a], { name: row[a], value: one.values[row[a]], x: grown(one, one.values[row[a]]), pairs: [] });
      found.get(row[a]).pairs.push({ other: row[b], y: row[what], chance: row.null_mean, tau: row.tau });
    }));
    return [...found.values()].map(model => {
      const drawn = model.pairs.filter(pair => pair.chance !== null);
      return { ...model, y: average(model.pairs.map(pair => pair.y)), chance: drawn.length ? average(drawn.map(pair => pair.chance)) : null, tau: drawn.length ? average(drawn.map(pair => pair.tau)) : null };
    });
  }
  const valued = (one, v) => one.what === "parameters" ? size(Math.round(v)) : `${number(v)}${one.unit ? ` ${one.unit}` : ""}`;
  const fitted = what => DATA.trends.find(t => t.group === $("metric").value && t.against === $("against").value && t.what === what && JSON.stringify([t.modality, t.partner]) === $("side").value);

  function trend() {
    const one = asked(), rows = current();
    [["score", $("trend")], ["calibrated", $("trend-calibrated")]].forEach(([what, svg]) => {
      const models = means(what), width = svg.parentNode.clientWidth;
      svg.onpointermove = svg.onclick = svg.onkeydown = null;
      if (!models.length) {
        clear(svg, width, 40, "Alignment against what is known of the models: nothing to draw");
        put(svg, "text", { x: 0, y: 24 }, one ? "There is no such score." : "Nothing is known of these models.");
        return;
      }
      scatter(svg, width, what, models, one, rows[0].alike === "low" && what === "score");
    });
    $("trend-said").textContent = "";
    const first = new Map([...means("score"), ...means("calibrated")].reverse().map(model => [family.get(model.name), model.name]));
    $("trend-series").replaceChildren(...families.filter(name => first.has(name)).map(one => keyed(one, first.get(one))));
    fits();
    unfolding($("trend-table"), () => {
      const calibrated = new Map(means("calibrated").map(model => [model.name, model.y]));
      return [["model", "family", one ? one.what : "", "partners", "raw, mean", "chance, mean", "calibrated, mean"],
        means("score").map(m => [m.name, family.get(m.name), valued(one, m.value), `${m.pairs.length}`, number(m.y), number(m.chance), number(calibrated.get(m.name))])];
    });
  }

  // A family with the colour and shape of one of its models.
  function keyed(one, name, hollow) {
    const item = document.createElement("li"), svg = make("svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" });
    mark(svg, 0, 0, 5, name, { fill: hollow ? "var(--paper)" : tint(name), "stroke-width": 2 });
    item.append(svg, one || "no family");
    return item;
  }

  function scatter(svg, width, what, models, one, low) {
    const box = { l: 58, r: width - 12, t: 14, b: width < 420 ? 240 : 300 }, all = models.flatMap(model => model.pairs.map(pair => pair.y));
    const banded = what === "score" && models.every(model => model.chance !== null);
    const ys = banded ? [...all, ...models.flatMap(model => [model.chance, model.tau])] : all, xs = models.map(model => model.x);
    clear(svg, width, box.b + 44, `${what === "score" ? "Raw" : "Calibrated"} alignment by ${$("metric").value} against ${one.what}`);
    const span = Math.max(...xs) - Math.min(...xs) || 1, x0 = Math.min(...xs) - span * 0.08, x1 = Math.max(...xs) + span * 0.08;
    const rise = Math.max(...ys) - Math.min(...ys, low ? Infinity : 0) || 1, y0 = Math.min(...ys) < 0 || low ? Math.min(...ys) - rise * 0.05 : 0, y1 = Math.max(...ys) + rise * 0.06;
    const X = v => box.l + (v - x0) / (x1 - x0) * (box.r - box.l), Y = v => box.b - (v - y0) / (y1 - y0) * (box.b - box.t);
    const marks = one.log ? decades(x0, x1, (box.r - box.l) / 64) : ticks(x0, x1, Math.max(3, (box.r - box.l) / 90)).map(([v]) => [v, number(one.better === "high" ? v : -v, 2)]);
    const unit = [one.unit, one.better === "low" ? "low is better" : ""].filter(Boolean).join(", ");
    axes(svg, box, { ticks: marks, at: X, label: `${one.what}${unit ? ` (${unit})` : ""}, ${many(models.length, "model")}` }, { ticks: ticks(y0, y1, 5), at: Y, label: `${what === "score" ? "raw" : "calibrated"} alignment${low ? " (low is alike)" : ""}` });
    const ground = put(svg, "g", {}), dots = put(svg, "g", {}), names = put(svg, "g", {}), rings = put(svg, "g", {});
    if (banded) band(ground, models, X, Y, box);
    line(ground, fitted(what), models, X, Y, box, [x0, x1]);
    models.forEach(model => {
      const faded = chosen(model.name) ? 1 : 0.15;
      model.pairs.forEach(pair => put(dots, "circle", { cx: X(model.x).toFixed(1), cy: Y(pair.y).toFixed(1), r: 1.8, fill: tint(model.name), "fill-opacity": 0.3 * faded, class: "pair" }));
      Object.assign(model, { px: X(model.x), py: Y(model.y), said: `${model.name} (${family.get(model.name)}; ${one.what} ${valued(one, model.value)}): ${what === "score" ? "raw" : "calibrated"} mean ${number(model.y)} over ${many(model.pairs.length, "partner")}${banded ? `, chance ${number(model.chance)}, threshold ${number(model.tau)}` : ""}` });
      mark(rings, model.px, model.py, 5, model.name, { fill: "var(--paper)", "stroke-width": 2, opacity: faded, class: "mark" });
    });
    const short = labels(width < 420 ? 16 : 24);
    name(names, models.filter(model => chosen(model.name)), box, model => short.get(model.name));
    walked(svg, models.filter(model => chosen(model.name)), $("trend-said"));
  }

  // From the mean of chance to the threshold, of each model's pairs.
  function band(svg, models, X, Y, box) {
    const sorted = [...models].sort((a, b) => a.x - b.x), first = sorted[0], last = sorted[sorted.length - 1];
    const along = [[box.l, first], ...sorted.map(model => [X(model.x), model]), [box.r, last]];
    const edge = key => along.map(([x, model]) => `${x.toFixed(1)},${Y(model[key]).toFixed(1)}`);
    put(svg, "polygon", { points: [...edge("tau"), ...edge("chance").reverse()].join(" "), class: "band" });
    put(svg, "text", { x: box.r, y: Y(Math.max(last.tau, last.chance)) - 4, "text-anchor": "end", class: "tick near" }, "chance");
  }

  // Least squares through the marks, and the slopes at the ends of its interval, through the middle of the marks.
  function line(svg, found, models, X, Y, box, ends) {
    if (!found || found.slope === null) return;
    const mx = average(models.map(model => model.x)), my = average(models.map(model => model.y));
    const at = (slope, x) => `${X(x).toFixed(1)},${Math.min(Math.max(Y(my + slope * (x - mx)), box.t), box.b).toFixed(1)}`;
    if (found.slope_low !== null) ends.forEach(x => put(svg, "polygon", { points: [at(found.slope_low, x), at(found.slope_high, x), `${X(mx).toFixed(1)},${Y(my).toFixed(1)}`].join(" "), class: "wedge" }));
    put(svg, "polyline", { points: ends.map(x => at(found.slope, x)).join(" "), class: "fit" });
  }

  // The trends in numbers, raw beside chance beside calibrated.
  function fits() {
    const one = asked(), per = one && one.log ? "per tenfold" : one && one.better === "low" ? "per unit less" : "per unit";
    const interval = (v, low, high) => v === null ? "–" : `${number(v)}${low === null ? "" : ` (${number(low)} to ${number(high)})`}`;
    const rows = [["score", "raw"], ["null_mean", "chance"], ["calibrated", "calibrated"]].map(([what, word]) => [word, fitted(what)]).filter(([, found]) => found);
    tabled($("trend-fit"), ["score", "r (95 % interval)", `slope ${per}`, `slope within families`, "models"], rows.map(([word, t]) => [word, interval(t.r, t.low, t.high), interval(t.slope, t.slope_low, t.slope_high), t.within ? interval(...t.within) : "–", `${t.n}`]));
  }

  // ---- the map

  function mapped() {
    const svg = $("map"), maps = DATA.places[$("metric").value].maps, found = maps[+$("map-of").value || 0], width = svg.parentNode.clientWidth;
    svg.onpointermove = svg.onclick = svg.onkeydown = null;
    $("map-said").textContent = "";
    $("map-table").hidden = !found;
    if (!found) {
      clear(svg, width, 40, "Map of models: nothing to draw");
      put(svg, "text", { x: 0, y: 24 }, "Too few models were compared with the same partners for a map.");
      $("map-caption").textContent = "";
      $("map-series").replaceChildren();
      return;
    }
    const whole = found.kind === "alignment", room = { l: 14, r: Math.min(width, 860) - 14, t: 14 };
    const reach = values => [Math.min(...values), Math.max(...values)], [x0, x1] = reach(found.x), [y0, y1] = reach(found.y);
    const wide = x1 - x0 || 1, high = y1 - y0 || wide * 0.2, unit = Math.min((room.r - room.l - (width < 600 ? 60 : 180)) / wide, 420 / high);
    const b = room.t + Math.max(high * unit, 60) + 40, X = v => room.l + (width < 600 ? 24 : 60) + (v - x0) * unit, Y = v => b - 46 + room.t - (v - y0) * unit;
    clear(svg, room.r + 14, b + 14, `Map of ${whole ? "models" : kinded(found.title)} by ${$("metric").value}`);
    const names = put(svg, "g", {}), marks = put(svg, "g", {});
    const points = found.names.map((name, k) => {
      const faded = chosen(name) ? 1 : 0.15, filled = !whole || modalities.indexOf(modality.get(name)) === 0;
      mark(marks, X(found.x[k]), Y(found.y[k]), 5.5, name, { fill: filled ? tint(name) : "var(--paper)", "stroke-width": 2, opacity: faded, class: "mark" });
      const known = DATA.measures.filter(one => Object.hasOwn(one.values, name)).map(one => `${one.what} ${valued(one, one.values[name])}`);
      return { name, px: X(found.x[k]), py: Y(found.y[k]), said: `${name} (${[modality.get(name), family.get(name)].filter(Boolean).join(", ")})${known.length ? `: ${known.join(", ")}` : ""}` };
    });
    const kinds = new Map(found.names.map(one => [JSON.stringify([modality.get(one), family.get(one)]), one]));
    $("map-series").replaceChildren(...[...kinds.values()].map(one => keyed([family.get(one), whole && modalities.length > 1 ? `(${modality.get(one)})` : ""].filter(Boolean).join(" "), one, whole && modalities.indexOf(modality.get(one)) > 0)));
    const short = labels(width < 600 ? 16 : 24), step = ticks(0, wide, 4).map(([v]) => v).find(v => v > 0) || wide;
    name(names, points.filter(point => chosen(point.name)), { l: 0, r: room.r, t: 0, b }, point => short.get(point.name));
    put(svg, "line", { x1: room.l, x2: room.l + step * unit, y1: b - 2, y2: b - 2, class: "axis" });
    put(svg, "text", { x: room.l + step * unit + 6, y: b + 2, class: "tick" }, `${number(step, 2)} ${whole ? "of −log alignment" : "of score (rms over partners)"}`);
    walked(svg, points.filter(point => chosen(point.name)), $("map-said"));
    $("map-caption").textContent = (whole ? `Near is alike: distances are −log of the raw alignment as nearly as a plane allows (stress ${number(found.lost, 2)}; 0: every distance as measured).${modalities.length > 1 ? ` Filled: ${kinded(modalities[0])}.` : ""}`
      : `Each of the ${kinded(found.title)} is placed by its raw scores with all models of the other modality: near each other are those that agree with the same partners, and as much. To the right, higher scores on average. Two axes show ${number(100 * (1 - found.lost), 0)} % of the differences; pairs within a modality were not compared.`);
    unfolding($("map-table"), () => [["model", "family", "first axis", "second axis"], found.names.map((name, k) => [name, family.get(name), number(found.x[k]), number(found.y[k])])]);
  }
  function mappable() {
    const maps = DATA.places[$("metric").value].maps, before = $("map-of").selectedIndex;
    $("map-of").replaceChildren(...maps.map((one, k) => option(k, one.kind === "alignment" ? one.title : kinded(one.title))));
    if (before > 0 && before < maps.length) $("map-of").selectedIndex = before;
    $("map-of").parentNode.hidden = maps.length < 2;
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
    const cell = Math.min(22, (room - margin - 4) / right.length, Math.max(6, 420 / left.length)), every = Math.ceil(16 / cell);
    const wides = across.ticks.map(text => textWidth(cut(text, 10), 11)), upright = wides.some((w, j) => j % every === 0 && w > cell * every - 2 && across.ticks[j].length > 2);
    const top = upright ? 12 + Math.max(...wides) : 18, bottom = top + left.length * cell;
    const paint = scale(row.grid.low, row.grid.high, row.alike === "low");
    const wide = Math.max(margin + right.length * cell + 4, Math.min(room, margin + 170));
    clear(svg, wide, bottom + 62, `Scores of all layer pairs: ${row.left} (rows), ${row.right} (columns)`);
    across.ticks.forEach((text, j) => {
      const x = margin + (j + 0.5) * cell + (upright ? 4 : 0), y = top - 5;
      if (j % every === 0) put(svg, "text", upright ? { x, y, class: "tick", transform: `rotate(-90 ${x} ${y})` } : { x, y, class: "tick", "text-anchor": "middle" }, cut(text, 10), right[j]);
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
    unfolding(panel.querySelector("details"), () => [["layers", ...right], left.map((text, i) => [text, ...cells[i].map(v => number(v))])]);
  }

  function chance(panel, row) {
    const svg = panel.querySelector(".null"), caption = panel.querySelector("figcaption"), hist = row.hist, width = Math.min(panel.clientWidth, 420);
    if (!hist) {
      if (row.said.p === "–") {
        clear(svg, width, 30, "No null was drawn.");
        put(svg, "text", { x: 0, y: 20, class: "soft" }, "No null was drawn.");
      } else closed(svg, width, row);
      caption.textContent = `${row.left} ${joint(row)} ${row.right}: ${row.said.p === "–" ? "" : `p\u00a0${bound(row.said.p)}, `}n\u00a0=\u00a0${row.n.toLocaleString("en")}${row.said.p === "–" ? "" : ", chance in closed form"}.`;
      return;
    }
    const box = { l: 48, r: width - 14, t: 40, b: 170 }, ends = [hist.low, hist.high, row.score, row.tau];
    clear(svg, width, box.b + 42, `The null of ${row.left} and ${row.right}, its threshold and the score`);
    const pad = (Math.max(...ends) - Math.min(...ends)) * 0.06 || 0.01, x0 = Math.min(...ends) - pad, x1 = Math.max(...ends) + pad, most = Math.max(...hist.counts);
    const X = v => box.l + (v - x0) / (x1 - x0) * (box.r - box.l), Y = v => box.b - v / most * (box.b - box.t), step = (hist.high - hist.low) / hist.counts.length;
    axes(svg, box, { ticks: ticks(x0, x1, 4), at: X, label: "score" }, { ticks: ticks(0, most, 3).filter(([v]) => v === Math.round(v)), at: Y, label: "draws" });
    hist.counts.forEach((c, k) => { if (c) put(svg, "rect", { x: X(hist.low + k * step), y: Y(c), width: Math.max(1, X(hist.low + step) - X(hist.low) - 0.3), height: box.b - Y(c), fill: "var(--null)" }); });
    threshold(svg, width, X, row, box);
    caption.textContent = `${row.left} ${joint(row)} ${row.right}: p\u00a0${bound(row.said.p)}, n\u00a0=\u00a0${row.n.toLocaleString("en")}, ${row.draws.toLocaleString("en")} draws.`;
  }

  // Where the threshold and the score lie.
  function threshold(svg, width, X, row, box) {
    [[row.tau, "var(--soft)", "4 3", `threshold ${number(row.tau)}`, 11], [row.score, "var(--mark)", "none", `score ${number(row.score)}`, 27]].forEach(([v, colour, dash, text, y]) => {
      put(svg, "line", { x1: X(v), x2: X(v), y1: y + 4, y2: box.b, stroke: colour, "stroke-width": 2, "stroke-dasharray": dash });
      const half = textWidth(text) / 2, x = X(v);
      put(svg, "text", { x: Math.min(Math.max(x, half), width - half), y, "text-anchor": "middle" }, text);
    });
  }

  // A null in closed form: its mean with two standard deviations to either side, the threshold, and the score.
  function closed(svg, width, row) {
    const box = { l: 14, r: width - 14, t: 40, b: 78 }, sd = row.null_sd || 0, ends = [row.null_mean - 3 * sd, row.null_mean + 3 * sd, row.score, row.tau];
    clear(svg, width, box.b + 42, `Chance for ${row.left} and ${row.right}, its threshold and the score`);
    const pad = (Math.max(...ends) - Math.min(...ends)) * 0.06 || 0.01, x0 = Math.min(...ends) - pad, x1 = Math.max(...ends) + pad;
    const X = v => box.l + (v - x0) / (x1 - x0) * (box.r - box.l);
    axes(svg, box, { ticks: ticks(x0, x1, 4), at: X, label: "score" }, { ticks: [], at: v => v, label: "" });
    put(svg, "rect", { x: X(row.null_mean - 2 * sd), y: box.t + 6, width: Math.max(2, X(row.null_mean + 2 * sd) - X(row.null_mean - 2 * sd)), height: box.b - box.t - 6, class: "band" });
    put(svg, "line", { x1: X(row.null_mean), x2: X(row.null_mean), y1: box.t + 6, y2: box.b, class: "axis" });
    threshold(svg, width, X, row, box);
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

  // ---- fixed queries in a growing gallery

  const asMany = line => line.share === null ? `${line.k} nearest` : `${+(100 * line.share).toPrecision(3)} % nearest`;

  function gallery() {
    const svg = $("gallery"), pair = DATA.galleries[+$("gallery-of").value], width = Math.min(svg.parentNode.clientWidth, 860);
    const box = { l: 58, r: width - 12, t: 14, b: width < 420 ? 240 : 300 }, all = pair.lines.flatMap(line => line.points);
    const reach = se => 1.96 * (se ?? 0), sizes = all.map(point => Math.log10(point[0]));
    clear(svg, width, box.b + 44, `Agreement of ${pair.left} and ${pair.right} in a growing gallery`);
    const span = Math.max(...sizes) - Math.min(...sizes) || 1, x0 = Math.min(...sizes) - span * 0.05, x1 = Math.max(...sizes) + span * 0.05;
    const most = Math.max(...all.map(point => Math.max(point[2] + reach(point[4]), point[3]))) * 1.06 || 1;
    const X = v => box.l + (Math.log10(v) - x0) / (x1 - x0) * (box.r - box.l), Y = v => box.b - v / most * (box.b - box.t);
    const step = Math.max(1, Math.ceil(new Set(sizes).size / ((box.r - box.l) / 56)));
    const marks = [...new Set(all.map(point => point[0]))].sort((a, b) => b - a).filter((_, k) => k % step === 0).map(v => [v, size(v)]);
    axes(svg, box, { ticks: marks, at: X, label: "samples in the gallery" }, { ticks: ticks(0, most, 5), at: Y, label: "mutual kNN" });
    const points = pair.lines.flatMap((line, k) => {
      const hue = SERIES[k] || OTHERS, along = column => line.points.map(point => `${X(point[0]).toFixed(1)},${Y(point[column]).toFixed(1)}`).join(" ");
      put(svg, "polyline", { points: along(3), fill: "none", stroke: hue, "stroke-width": 1.2, "stroke-dasharray": "4 3", class: "by-chance" });
      put(svg, "polyline", { points: along(2), fill: "none", stroke: hue, "stroke-width": 1.6 });
      return line.points.map(([n, near, score, chance, se]) => {
        const at = { px: X(n), py: Y(score), said: `${many(n, "sample")}, ${near} nearest: ${number(score)}${se === null ? "" : ` (${number(score - reach(se))} to ${number(score + reach(se))})`}, chance ${number(chance)}` };
        if (se !== null) put(svg, "line", { x1: at.px, x2: at.px, y1: Y(Math.max(0, score - reach(se))), y2: Y(score + reach(se)), stroke: hue, "stroke-width": 1.2 });
        put(svg, "path", { d: SHAPES[k % SHAPES.length](4), transform: `translate(${at.px.toFixed(2)} ${at.py.toFixed(2)})`, fill: hue, class: "mark" });
        return at;
      });
    });
    $("gallery-said").textContent = `${pair.left} (${pair.left_layer}) and ${pair.right} (${pair.right_layer})`;
    $("gallery-series").replaceChildren(...pair.lines.map((line, k) => {
      const item = document.createElement("li"), key = make("svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" });
      put(key, "path", { d: SHAPES[k % SHAPES.length](5), fill: SERIES[k] || OTHERS });
      item.append(key, asMany(line));
      return item;
    }));
    walked(svg, points, $("gallery-said"));
    unfolding($("gallery-table"), () => [["samples", "nearest", "score", "chance", "standard error"],
      all.map(([n, near, score, chance, se]) => [n.toLocaleString("en"), `${near}`, number(score), number(chance), number(se, 4)])]);
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

  // ---- the rows as a file

  function whole() {
    const table = JSON.parse($("table").textContent), names = Object.keys(table);
    const column = name => Array.isArray(table[name]) ? table[name] : table[name].at.map(k => table[name].values[k]);
    const columns = names.map(column);
    return { names, rows: DATA.rows.map((_, i) => columns.map(values => values[i])) };
  }
  // A name that a spreadsheet would take for a formula gets an apostrophe before it.
  const field = value => {
    const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : typeof value === "string" ? value.replace(/^[=+\-@\t\r]/, "'$&") : `${value}`;
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  function download(kind) {
    const { names, rows } = whole();
    const text = kind === "csv" ? [names, ...rows].map(row => row.map(field).join(",")).join("\r\n") + "\r\n"
      : JSON.stringify(rows.map(row => Object.fromEntries(row.map((value, k) => [names[k], value]))), null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: kind === "csv" ? "text/csv" : "application/json" }));
    link.download = `rows.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // ---- at work

  const figures = () => { heat(); trend(); mapped(); if (DATA.galleries.length) gallery(); };
  const settle = () => { if (!current().some(row => row[what()] !== null)) $("what").value = "score"; };
  [...new Set(DATA.rows.map(row => row.group))].forEach(group => $("metric").append(option(group, group)));
  $("family").append(option("", "all"), ...families.map(name => option(`=${name}`, name || "none")));
  DATA.measures.forEach(one => $("against").append(option(one.what, one.what)));
  if (DATA.measures.length > 1) $("against").selectedIndex = 1;  // what models can do, before how large they are
  $("against").parentNode.hidden = !DATA.measures.length;
  const sided = () => { offered(); $("side").parentNode.hidden = !$("side").options.length; };
  $("metric").addEventListener("change", () => { settle(); sided(); mappable(); figures(); pairs(); });
  $("what").addEventListener("change", heat);
  $("family").addEventListener("change", figures);
  $("order").addEventListener("change", heat);
  $("against").addEventListener("change", () => { sided(); trend(); });
  $("side").addEventListener("change", trend);
  $("map-of").addEventListener("change", mapped);
  if (DATA.galleries.length) {
    $("gallery-of").append(...DATA.galleries.map((pair, k) => option(k, `${k + 1}. ${cut(pair.left, 40)} ~ ${cut(pair.right, 40)}`)));
    $("gallery-of").addEventListener("change", gallery);
  }
  $("csv").addEventListener("click", () => download("csv"));
  $("json").addEventListener("click", () => download("json"));
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
    unfolded = [...document.querySelectorAll(":is(.remarks, .sheet, .opens) details:not([open]), details:is(.sheet, .opens):not([open])")];
    unfolded.forEach(one => { one.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach(one => { one.open = false; }));
  settle();
  sided();
  mappable();
  figures();
  pairs();
})();
