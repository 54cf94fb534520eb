"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const EVERY = 2000, SETTLE = 250, ROW = 30;  // milliseconds between two questions, and after a key; pixels of a row
  const now = { state: null, run: null, rows: null, pair: null, model: null, near: null, mark: "", wait: EVERY };

  // ---- words, as the report says them

  const minus = text => text.replace("-", "−");
  const number = (v, digits = 3) => {
    if (v === null || v === undefined) return "–";
    const size = Math.abs(v);
    return minus(size === 0 || (size >= 0.5 * 10 ** -digits && size < 1000) ? v.toFixed(digits) : v.toExponential(1));
  };
  const pvalue = (v, p, least) => {
    if (v === null || v === undefined) return "–";
    const text = v >= 0.00095 ? v.toFixed(3) : v.toPrecision(1);
    return p !== null && least !== null && p <= least + 1e-12 && v < 1 ? `≤\u00a0${text}` : text;
  };
  const units = (v, list) => {
    for (const [size, letter] of list) if (v >= size) return `${+(v / size).toPrecision(3)} ${letter}`;
    return `${v}`;
  };
  const count = v => v === null || v === undefined ? "–" : units(v, [[1e9, "G"], [1e6, "M"], [1e3, "k"]]);
  const bytes = v => v ? units(v, [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) : "–";
  const lasting = s => s === null || s === undefined ? "–" : s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : s < 172800 ? `${(s / 3600).toFixed(1)} h` : `${Math.round(s / 86400)} days`;
  const since = t => t ? `${lasting(Math.max(0, Date.now() / 1000 - t))} ago` : "–";
  const cut = (text, n) => text.length > n ? `${text.slice(0, n - 1)}…` : text;
  const many = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

  // ---- nodes; whatever comes from outside goes in as text

  const node = (name, attributes = {}, ...parts) => {
    const out = document.createElement(name);
    for (const key in attributes) {
      if (key === "class") out.className = attributes[key];
      else out.setAttribute(key, attributes[key]);
    }
    out.append(...parts);
    return out;
  };
  const put = (svg, name, attributes, text) => {
    const out = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) out.setAttribute(key, attributes[key]);
    if (text !== undefined) out.textContent = text;
    svg.append(out);
    return out;
  };
  const option = (value, text) => node("option", { value }, text);
  const say = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
  const show = (id, there) => { $(id).hidden = !there; };
  const title = (id, text) => { $(id).textContent = text; };

  // ---- asking the server

  async function ask(name, asked = {}, headers = {}) {
    const response = await fetch(`/api/${name}?${new URLSearchParams(asked)}`, { headers, credentials: "same-origin", cache: "no-store" });
    const value = await response.json();
    if (response.status === 401) { show("enter", true); show("inside", false); }
    if (!response.ok) throw Object.assign(new Error(value.error || `error ${response.status}`), { status: response.status });
    value.mark = response.headers.get("x-mark");
    return value;
  }

  // The token stands in the part of the address that is never sent; it becomes a cookie, and leaves the address.
  async function enter(token) {
    await ask("enter", {}, token ? { authorization: `Bearer ${token}` } : {});
    show("enter", false);
    show("inside", true);
  }

  const place = () => new URLSearchParams(location.hash.slice(1));
  const settle = (() => {
    const waiting = {};
    return (name, act) => { clearTimeout(waiting[name]); waiting[name] = setTimeout(act, SETTLE); };
  })();
  // The answer to the last question of a kind: answers to earlier ones come to nothing.
  const latest = (() => {
    const turns = {};
    return async (kind, promise) => {
      const turn = turns[kind] = (turns[kind] || 0) + 1;
      const value = await promise;
      return turns[kind] === turn ? value : undefined;
    };
  })();

  // ---- runs

  async function poll() {
    if (document.hidden) { setTimeout(poll, EVERY); return; }
    try {
      const value = await ask("runs", now.mark ? { seen: now.mark } : {});
      if (!value.same) { now.mark = value.mark; now.state = value; runs(); await follow(); }
      now.wait = EVERY;
      const going = now.state.runs.filter(run => run.state === "going").length;
      say("live", `${many(now.state.runs.length, "run")}${going ? `, ${going} going` : ""}`);
      if (value.same) ages();
    } catch (error) {
      now.wait = Math.min(now.wait * 2, 30000);
      say("live", error.status ? error.message : "The server does not answer; asking again.");
    }
    setTimeout(poll, now.wait);
  }

  const lines = new Map();

  function runs() {
    const body = $("runs").tBodies[0], words = $("runs-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    title("folder", now.state.folder);
    const there = new Set();
    now.state.runs.forEach(run => {
      let line = lines.get(run.name);
      if (!line) {
        line = runLine(run.name);
        lines.set(run.name, line);
      }
      fill(line, run);
      line.row.hidden = !words.every(word => `${run.name} ${run.study} ${run.state} ${run.question}`.toLowerCase().includes(word));
      if (line.row.parentNode !== body || body.rows[there.size] !== line.row) body.insertBefore(line.row, body.rows[there.size] || null);
      there.add(run.name);
    });
    [...lines].forEach(([name, line]) => { if (!there.has(name)) { line.row.remove(); lines.delete(name); } });
    ticked();
    const others = now.state.others;
    show("others", others.length > 0);
    $("others").firstElementChild.textContent = `${many(others.length, "folder")} beside, which ${others.length === 1 ? "is no run" : "are no runs"}`;
    $("others").lastElementChild.replaceChildren(...others.map(one => node("li", {}, node("strong", {}, one.name), `: ${one.why}`)));
  }

  function runLine(name) {
    const cell = (label, kind = "") => node("td", { "data-title": label, class: kind });
    const button = node("button", { type: "button", class: "run", title: name }, name);
    button.addEventListener("click", () => open(name));
    const bar = node("progress", { "aria-label": `cells answered of ${name}` }), told = node("span"), state = node("span", { class: "state" });
    const tick = node("input", { type: "checkbox", "aria-label": `compare ${name}` });
    tick.addEventListener("change", ticked);
    const row = node("tr", {}, node("th", { scope: "row" }, button));
    const line = { row, bar, told, state, tick, models: cell("models", "n"), time: cell("time so far", "n"), left: cell("left, about", "n"), size: cell("features", "n"), last: cell("last word", "n") };
    const states = cell("state"), cells = cell("cells answered"), compare = cell("compare");
    states.append(state);
    cells.append(bar, told);
    compare.append(tick);
    row.append(states, cells, line.models, line.time, line.left, line.size, line.last, compare);
    return line;
  }

  function fill(line, run) {
    line.state.dataset.state = run.state;
    line.state.textContent = run.state;
    line.state.title = { going: "cells are being answered", quiet: "nothing was written for ten minutes: stopped, or at something long", unreadable: "see its notes", "failed in part": `${run.failures.length} failed`, finished: "all is answered" }[run.state];
    line.bar.max = run.cells || 1;
    if (run.cells === null) line.bar.removeAttribute("value"); else line.bar.value = run.cells ? run.answered : 1;
    line.bar.hidden = run.state === "unreadable" || (run.cells === null && run.state !== "going");
    line.told.textContent = run.cells === null ? (run.state === "going" ? "features first" : "–") : `${run.answered.toLocaleString("en")} of ${run.cells.toLocaleString("en")}`;
    line.models.textContent = run.models === null ? "–" : run.extracted === run.models ? `${run.models}` : `${run.extracted} of ${run.models}`;
    line.time.textContent = lasting(run.seconds);
    line.left.textContent = lasting(run.left);
    line.size.textContent = bytes(run.bytes);
    line.last.textContent = since(run.last);
    line.row.setAttribute("aria-current", now.run === run.name);
  }

  const ages = () => now.state.runs.forEach(run => { const line = lines.get(run.name); if (line) line.last.textContent = since(run.last); });
  const chosen = () => [...lines].filter(([, line]) => line.tick.checked).map(([name]) => name);
  function ticked() {
    const names = chosen();
    $("compare-go").disabled = names.length !== 2;
    say("compare-hint", names.length === 2 ? `${names[0]} beside ${names[1]}` : names.length > 2 ? `${names.length} are ticked; two are compared.` : "Tick two to compare them.");
  }

  // ---- one run

  const about = name => now.state.runs.find(run => run.name === name);
  const version = run => run ? `${run.state} ${run.answered} ${run.ended} ${run.rows}` : "";

  async function open(name, focus = true) {
    now.run = name;
    now.rows = null;
    for (const id of ["pair", "model", "near", "compare"]) show(id, false);
    history.replaceState(null, "", `#${new URLSearchParams({ run: name })}`);
    $("where").value = "";
    table.reset();
    runs();
    await rows();
    if (focus) { $("run-title").focus({ preventScroll: true }); $("run").scrollIntoView({ block: "start" }); }
  }

  // After news from the server: the run that is open is read again if it changed.
  async function follow() {
    const asked = place().get("run"), run = about(now.run);
    if (!now.run && now.state.runs.length) {
      const first = about(asked) || now.state.runs.find(one => one.state === "going") || now.state.runs[0];
      await open(first.name, false);
    } else if (now.run && !run) {
      show("run", false);
      now.run = null;
    } else if (run && now.rows && now.rows.version !== version(run)) await rows();
    else if (run) notes(run);
  }

  function notes(run) {
    title("run-title", run.name === "." ? run.study : run.name);
    say("run-question", run.question);
    const box = $("run-notes"), list = [...run.notes, ...run.failures];
    box.hidden = !list.length;
    box.replaceChildren(run.failures.length ? `${many(run.failures.length, "part")} failed; the rest stands.` : "To know:", node("ul", {}, ...list.slice(0, 30).map(text => node("li", {}, text))));
  }

  async function rows() {
    const run = about(now.run), where = $("where").value.trim();
    show("run", true);
    notes(run);
    const seen = version(run);
    try {
      const value = await latest("rows", ask("rows", { run: now.run, where }));
      if (!value) return;
      say("where-said", "");
      $("where").removeAttribute("aria-invalid");
      const first = !now.rows;
      now.rows = { ...value, version: seen };
      say("count", value.count === value.of ? many(value.count, "row") : `${value.count.toLocaleString("en")} of ${many(value.of, "row")}`);
      groups();
      table.show(first);
      map.draw();
    } catch (error) {
      say("where-said", error.message);
      if (where) $("where").setAttribute("aria-invalid", "true");
      if (now.rows) now.rows.version = seen;
      else { now.rows = { count: 0, of: 0, columns: {}, version: seen }; say("count", "no rows"); groups(); table.show(true); map.draw(); }
    }
    for (const form of ["parquet", "csv", "jsonl"]) $(`get-${form}`).href = `/api/download?${new URLSearchParams({ run: now.run, where, format: form })}`;
  }

  // A metric with its conditioning, and with n where there are several.
  function groups() {
    const columns = now.rows.columns, several = new Set(columns.n || []).size > 1, before = $("metric").value;
    now.rows.groups = (columns.group || []).map((group, i) => several ? `${group} · n = ${columns.n[i]}` : group);
    const all = [...new Set(now.rows.groups)];
    $("metric").replaceChildren(...all.map(group => option(group, group)));
    if (all.includes(before)) $("metric").value = before;
  }

  // ---- canvases

  const RAMP = ["#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725"].map(c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16)));
  const STEPS = Array.from({ length: 256 }, (_, step) => {
    const at = step / 255 * (RAMP.length - 1), i = Math.min(Math.floor(at), RAMP.length - 2);
    return `rgb(${RAMP[i].map((v, k) => Math.round(v + (RAMP[i + 1][k] - v) * (at - i)))})`;
  });
  const colour = share => STEPS[Math.round(Math.min(Math.max(share, 0), 1) * 255)];
  const ink = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function sized(canvas, width, height) {
    const dense = Math.min(devicePixelRatio || 1, 2);
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    pen.font = "11px system-ui, sans-serif";
    return pen;
  }

  function ramp(pen, x, y, low, high, flip) {
    for (let k = 0; k < 60; k++) { pen.fillStyle = colour(flip ? 1 - k / 59 : k / 59); pen.fillRect(x + k * 3, y, 3.5, 9); }
    pen.fillStyle = ink("--soft");
    pen.textAlign = "left"; pen.fillText(number(low), x, y + 21);
    pen.textAlign = "right"; pen.fillText(number(high), x + 180, y + 21);
  }

  // A canvas of cells that pointer, touch and arrow keys read out and choose from.
  function readable(canvas, about) {
    let at = null;
    const go = (i, j) => { at = [i, j]; about.say(i, j); };
    const under = event => {
      const box = canvas.getBoundingClientRect(), shape = about.shape();
      if (!shape) return false;
      const j = Math.floor((event.clientX - box.left - shape.x) / shape.cell), i = Math.floor((event.clientY - box.top - shape.y) / shape.cell);
      if (i < 0 || j < 0 || i >= shape.down || j >= shape.across) return false;
      if (!at || at[0] !== i || at[1] !== j) go(i, j);
      return true;
    };
    canvas.addEventListener("pointermove", under);
    canvas.addEventListener("click", event => { if (under(event)) about.choose(...at); });
    canvas.addEventListener("keydown", event => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key], shape = about.shape();
      if (!shape) return;
      if (step) {
        event.preventDefault();
        at ? go(Math.min(Math.max(at[0] + step[0], 0), shape.down - 1), Math.min(Math.max(at[1] + step[1], 0), shape.across - 1)) : go(0, 0);
      }
      if (event.key === "Enter" && at) { event.preventDefault(); about.choose(...at); }
    });
    return { forget: () => { at = null; } };
  }

  // ---- model by model

  const map = (() => {
    let drawn = null, pen = null, held = null;
    const find = (i, j) => drawn.cells.get(i * drawn.names.length + j);
    const tell = (i, j) => {
      const at = find(i, j), [a, b] = [drawn.names[i], drawn.names[j]];
      say("map-said", at === undefined ? (i === j ? `${a} with itself: not compared` : `${a} and ${b}: not compared`) : words(at));
      outline([i, j]);
    };
    function outline(cell) {
      if (held) paint(...held);
      held = cell;
      if (!cell) return;
      pen.strokeStyle = ink("--ink");
      pen.lineWidth = 2;
      pen.strokeRect(drawn.x + cell[1] * drawn.cell + 1, drawn.y + cell[0] * drawn.cell + 1, Math.max(1, drawn.cell - 2), Math.max(1, drawn.cell - 2));
    }
    function paint(i, j) {
      const at = find(i, j), v = at === undefined ? null : drawn.values[at], gap = drawn.cell > 6 ? 1 : 0;
      const x = drawn.x + j * drawn.cell, y = drawn.y + i * drawn.cell;
      pen.fillStyle = drawn.paper;
      pen.fillRect(x, y, drawn.cell, drawn.cell);
      pen.fillStyle = v === null || v === undefined ? drawn.absent : drawn.paint(v);
      pen.fillRect(x, y, drawn.cell - gap, drawn.cell - gap);
    }
    const seen = readable($("map"), { shape: () => drawn, say: tell, choose: (i, j) => { const at = find(i, j); if (at !== undefined) pair(at); } });

    function draw() {
      const columns = now.rows.columns, group = $("metric").value, canvas = $("map"), room = canvas.parentNode.clientWidth || 600;
      const mine = (now.rows.groups || []).map((name, i) => name === group ? i : -1).filter(i => i >= 0);
      seen.forget();
      held = null;
      say("map-said", "");
      show("map", mine.length > 0);
      if (!mine.length) { drawn = null; return; }
      if ($("what").value === "calibrated" && mine.every(i => columns.calibrated[i] === null)) $("what").value = "score";
      const what = $("what").value, flip = columns.alike[mine[0]] === "low" && what === "score", sums = new Map(), kinds = new Map();
      mine.forEach(i => ["left", "right"].forEach(side => {
        const name = columns[side][i], sum = sums.get(name) || [0, 0], v = columns[what][i];
        if (v !== null) { sum[0] += flip ? -v : v; sum[1] += 1; }
        sums.set(name, sum);
        kinds.set(name, columns[`${side}_modality`][i] || "");
      }));
      const mean = name => sums.get(name)[1] ? sums.get(name)[0] / sums.get(name)[1] : -Infinity;
      const names = [...sums.keys()].sort((a, b) => kinds.get(a).localeCompare(kinds.get(b)) || mean(b) - mean(a)), at = new Map(names.map((name, i) => [name, i]));
      const cells = new Map();
      mine.forEach(i => {
        const [a, b] = [at.get(columns.left[i]), at.get(columns.right[i])];
        cells.set(a * names.length + b, i);
        if (!cells.has(b * names.length + a)) cells.set(b * names.length + a, i);
      });
      const values = mine.map(i => columns[what][i]).filter(v => v !== null);
      const low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), -Infinity), span = high - low || 1;
      const labelled = names.length <= 40 && room > 420, x = labelled ? Math.min(190, 20 + 6.2 * Math.max(...names.map(name => name.length))) : 0;
      const cell = Math.max(2, Math.min(26, Math.floor((Math.min(room, 640) - x) / names.length)));
      drawn = { names, cells, values: columns[what], x, y: 0, cell, down: names.length, across: names.length, absent: ink("--line"), paper: ink("--paper"), paint: v => colour(flip ? 1 - (v - low) / span : (v - low) / span) };
      pen = sized(canvas, Math.max(x + names.length * cell, x + 190), names.length * cell + 34);
      for (let i = 0; i < names.length; i++) for (let j = 0; j < names.length; j++) paint(i, j);
      pen.fillStyle = ink("--ink");
      pen.textAlign = "right";
      if (labelled) names.forEach((name, i) => pen.fillText(cut(name, 28), x - 7, (i + 0.5) * cell + 4, x - 8));
      ramp(pen, x, names.length * cell + 8, low, high, flip);
      canvas.setAttribute("aria-label", `${many(names.length, "model")} by ${names.length}: ${what === "score" ? "raw" : "calibrated"} scores of ${group}, from ${number(low)} to ${number(high)}. Every number is in the table of comparisons.`);
    }
    return { draw };
  })();

  const words = i => {
    const c = now.rows.columns, told = [`${c.left[i]} and ${c.right[i]}: raw ${number(c.score[i])}`];
    if (c.p[i] !== null) told.push(`chance ${number(c.null_mean[i])}`, `threshold ${number(c.tau[i])}`, `calibrated ${number(c.calibrated[i])}`, `p ${pvalue(c.p[i], c.p[i], c.least_p[i])} (BH ${pvalue(c.p_bh[i], c.p[i], c.least_p[i])}, Holm ${pvalue(c.p_holm[i], c.p[i], c.least_p[i])})`);
    return `${told.join(", ")}; layers ${c.left_layer[i]} and ${c.right_layer[i]}; n = ${c.n[i]}`;
  };

  // ---- the table: only rows in sight are there, however many there are

  const table = (() => {
    const COLUMNS = [["left", "left", 190], ["right", "right", 190], ["group", "metric", 200], ["n", "n", 74], ["score", "score", 86], ["null_mean", "chance", 94], ["z", "z", 70], ["p", "p", 88], ["p_bh", "p (BH)", 92], ["p_holm", "p (Holm)", 106], ["tau", "threshold", 108], ["calibrated", "calibrated", 108], ["left_layer", "left layer", 120], ["right_layer", "right layer", 120]];
    const TEXT = new Set(["left", "right", "group", "left_layer", "right_layer"]), wide = COLUMNS.reduce((sum, column) => sum + column[2], 0);
    const home = $("scroller"), grid = $("rows"), body = grid.tBodies[0], collator = new Intl.Collator("en", { numeric: true });
    let order = [], by = { key: "calibrated", sense: "descending" }, active = -1, from = -1, to = -1, asked = 0;
    grid.style.width = `${wide}px`;
    COLUMNS.forEach(([key, name, width]) => {
      const col = node("col"), button = node("button", { type: "button", tabindex: "0" }, name), head = node("th", { scope: "col", class: TEXT.has(key) ? "" : "n" }, button);
      col.style.width = `${width}px`;
      grid.querySelector("colgroup").append(col);
      head.dataset.key = key;
      button.addEventListener("click", () => {
        const first = TEXT.has(key) || key.startsWith("p") ? "ascending" : "descending", second = first === "ascending" ? "descending" : "ascending";
        by = { key, sense: by.key === key && by.sense === first ? second : first };
        sort();
        home.scrollTop = 0;
        render(true);
      });
      grid.tHead.rows[0].append(head);
    });
    const gap = () => { const cell = node("td", { colspan: COLUMNS.length }), row = node("tr", { class: "gap", "aria-hidden": "true" }, cell); return { row, cell }; };
    const above = gap(), below = gap();

    function sort() {
      const columns = now.rows.columns, values = columns[by.key] || [], sign = by.sense === "ascending" ? 1 : -1, held = active >= 0 ? order[active] : -1;
      order = Array.from({ length: now.rows.count }, (_, i) => i);
      if (TEXT.has(by.key)) {
        const ranks = new Map([...new Set(values)].sort((a, b) => collator.compare(a || "", b || "")).map((text, rank) => [text, rank]));
        order.sort((a, b) => sign * (ranks.get(values[a]) - ranks.get(values[b])) || a - b);
      } else order.sort((a, b) => values[a] === null || values[b] === null ? (values[a] === null) - (values[b] === null) || a - b : sign * (values[a] - values[b]) || a - b);
      active = order.indexOf(held);
      [...grid.tHead.rows[0].cells].forEach(head => head.dataset.key === by.key ? head.setAttribute("aria-sort", by.sense) : head.removeAttribute("aria-sort"));
    }

    const cellText = (key, i) => {
      const c = now.rows.columns, v = c[key][i];
      if (key === "p" || key === "p_bh" || key === "p_holm") return pvalue(v, c.p[i], c.least_p[i]);
      if (key === "n") return v === null ? "–" : v.toLocaleString("en");
      return TEXT.has(key) ? v || "–" : number(v, key === "z" ? 1 : 3);
    };

    const pool = [];  // row nodes, used again and again: position p always in node p modulo their number
    function line(position, size) {
      const at = position % size;
      if (!pool[at]) {
        pool[at] = node("tr");
        pool[at].append(...COLUMNS.map(([key]) => { const cell = node("td", TEXT.has(key) ? {} : { class: "n" }, ""); return cell; }));
      }
      const row = pool[at], i = order[position], c = now.rows.columns, weak = c.p_bh[i] !== null && c.p_bh[i] > c.alpha[i];
      row.className = [weak ? "weak" : "", position === active ? "active" : ""].join(" ").trim();
      row.id = `row-${position}`;
      row.setAttribute("aria-rowindex", position + 2);
      row.dataset.at = position;
      COLUMNS.forEach(([key], k) => {
        const text = cellText(key, i), words = row.cells[k].firstChild;
        if (words.data !== text) words.data = text;
        if (TEXT.has(key) && row.cells[k].title !== text) row.cells[k].title = text;
      });
      return row;
    }

    function render(anew = false) {
      const seen = Math.ceil(home.clientHeight / ROW), size = seen + 16, first = Math.max(0, Math.floor(home.scrollTop / ROW) - 8), last = Math.min(order.length, first + size);
      if (!anew && first === from && last === to) return;
      if (pool.length > size) pool.length = 0;
      const before = anew ? [0, 0] : [from, to];
      from = first;
      to = last;
      above.cell.style.height = `${first * ROW}px`;
      below.cell.style.height = `${(order.length - last) * ROW}px`;
      const wanted = Array.from({ length: last - first }, (_, k) => {
        const position = first + k, kept = position >= before[0] && position < before[1] && pool[position % size];
        return kept && +kept.dataset.at === position ? kept : line(position, size);
      });
      if (body.firstChild !== above.row || body.children.length !== wanted.length + 2 || wanted.some((row, k) => body.children[k + 1] !== row)) body.replaceChildren(above.row, ...wanted, below.row);
      if (active >= first && active < last) grid.setAttribute("aria-activedescendant", `row-${active}`); else grid.removeAttribute("aria-activedescendant");
    }

    function move(position) {
      active = Math.min(Math.max(position, 0), order.length - 1);
      const top = active * ROW, room = home.clientHeight - ROW - 16;
      if (top < home.scrollTop) home.scrollTop = top;
      else if (top + ROW > home.scrollTop + room) home.scrollTop = top + ROW - room;
      render(true);
    }

    home.addEventListener("scroll", () => { cancelAnimationFrame(asked); asked = requestAnimationFrame(() => render()); });
    body.addEventListener("click", event => {
      const row = event.target.closest("tr[data-at]");
      if (row) { active = +row.dataset.at; render(true); pair(order[active]); }
    });
    grid.addEventListener("keydown", event => {
      if (event.target !== grid || !order.length) return;
      const page = Math.max(1, Math.floor(home.clientHeight / ROW) - 2);
      const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: order.length - 1 }[event.key];
      if (to !== undefined) { event.preventDefault(); move(to); }
      if (event.key === "Enter" && active >= 0) { event.preventDefault(); pair(order[active]); }
    });

    return {
      reset: () => { active = -1; by = { key: "calibrated", sense: "descending" }; home.scrollTop = 0; },
      show: first => {
        if (first && now.rows.count && now.rows.columns.calibrated.every(v => v === null)) by = { key: "score", sense: "descending" };
        grid.setAttribute("aria-rowcount", now.rows.count + 1);
        home.style.height = `min(26rem, ${now.rows.count * ROW + 2 * ROW + 20}px)`;
        sort();
        render(true);
      },
      render: () => render(true),
    };
  })();

  // ---- one pair

  async function pair(i) {
    const c = now.rows.columns, asked = { run: now.run, key: c.key[i], left: c.left[i], right: c.right[i] };
    show("model", false);
    show("pair", true);
    title("pair-title", `${asked.left} and ${asked.right}`);
    say("pair-words", words(i));
    title("pair-left", `About ${asked.left}`);
    title("pair-right", `About ${asked.right}`);
    $("pair-title").focus({ preventScroll: true });
    $("pair").scrollIntoView({ block: "start" });
    try {
      const value = await latest("pair", ask("pair", asked));
      if (!value) return;
      now.pair = { ...value, asked };
      say("pair-why", value.why);
      show("pair-figures", value.grid !== null);
      if (value.grid) { layers.draw(); chance(); }
      near({ ...asked, left_layer: value.row.left_layer, right_layer: value.row.right_layer }, [asked.left, asked.right]);
    } catch (error) {
      say("pair-why", error.message);
      show("pair-figures", false);
      show("near", false);
    }
  }

  const layers = (() => {
    let drawn = null, pen = null;
    const told = (i, j) => `${now.pair.left_layers[i]} and ${now.pair.right_layers[j]}: ${number(now.pair.grid[i][j])}`;
    const seen = readable($("grid"), {
      shape: () => drawn, say: (i, j) => say("grid-said", told(i, j)),
      choose: (i, j) => near({ ...now.pair.asked, left_layer: now.pair.left_layers[i], right_layer: now.pair.right_layers[j] }, [now.pair.asked.left, now.pair.asked.right]),
    });
    function draw() {
      const { left_layers: left, right_layers: right, grid, row } = now.pair, canvas = $("grid"), room = Math.min(canvas.parentNode.clientWidth || 400, 560), flip = row.alike === "low";
      const values = grid.flat().filter(v => v !== null), low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), -Infinity), span = high - low || 1;
      const x = Math.min(120, 14 + 6 * Math.max(...left.map(name => Math.min(name.length, 18)))), cell = Math.max(3, Math.min(26, Math.floor((room - x) / right.length), Math.floor(480 / left.length)));
      drawn = { x, y: 0, cell, down: left.length, across: right.length };
      pen = sized(canvas, Math.max(x + right.length * cell + 2, x + 190), left.length * cell + 62);
      const absent = ink("--line");
      grid.forEach((line, i) => line.forEach((v, j) => { pen.fillStyle = v === null ? absent : colour(flip ? 1 - (v - low) / span : (v - low) / span); pen.fillRect(x + j * cell, i * cell, cell - (cell > 6 ? 1 : 0), cell - (cell > 6 ? 1 : 0)); }));
      const best = [left.indexOf(row.left_layer), right.indexOf(row.right_layer)];
      if (best[0] >= 0 && best[1] >= 0) for (const [tint, thick] of [["#fff", 4], ["#d62728", 2]]) { pen.strokeStyle = tint; pen.lineWidth = thick; pen.strokeRect(x + best[1] * cell, best[0] * cell + 1, cell, cell); }
      pen.fillStyle = ink("--soft");
      pen.textAlign = "right";
      const every = Math.ceil(13 / cell);
      left.forEach((name, i) => { if (i % every === 0) pen.fillText(cut(name, 18), x - 5, (i + 0.5) * cell + 4, x - 6); });
      pen.textAlign = "left";
      pen.fillText(cut(`${right[0]} … ${right[right.length - 1]}: ${row.right}`, 60), x, left.length * cell + 15, Math.max(right.length * cell, 180));
      ramp(pen, x, left.length * cell + 24, low, high, flip);
      canvas.setAttribute("aria-label", `Scores of ${left.length} by ${right.length} layers, ${row.left} down, ${row.right} across, from ${number(low)} to ${number(high)}`);
      seen.forget();
      say("grid-said", best[0] >= 0 && best[1] >= 0 ? `most alike: ${told(...best)}` : "");
    }
    return { draw };
  })();

  function chance() {
    const svg = $("null"), { hist, row } = now.pair, width = Math.min($("null-figure").clientWidth || 400, 460), high = 210;
    svg.replaceChildren();
    if (!hist) {
      svg.setAttribute("width", 0); svg.setAttribute("height", 0);
      say("null-caption", row.p === null ? "No null was drawn." : `No draws were needed: the null is a closed form, with mean ${number(row.null_mean)} and threshold ${number(row.tau)}.`);
      return;
    }
    svg.setAttribute("width", width); svg.setAttribute("height", high); svg.setAttribute("viewBox", `0 0 ${width} ${high}`);
    put(svg, "title", {}, `The null of ${row.left} and ${row.right}, its threshold and the score`);
    const ends = [hist.low, hist.high, row.score, row.tau].filter(v => v !== null), pad = (Math.max(...ends) - Math.min(...ends)) * 0.06 || 0.01, x0 = Math.min(...ends) - pad, x1 = Math.max(...ends) + pad;
    const most = Math.max(...hist.counts), X = v => 10 + (v - x0) / (x1 - x0) * (width - 20), base = high - 40, step = (hist.high - hist.low) / hist.counts.length;
    hist.counts.forEach((c, k) => { const top = 40 + (base - 40) * (1 - c / most); if (c) put(svg, "rect", { class: "bar", x: X(hist.low + k * step), y: top, width: Math.max(1, X(hist.low + step) - X(hist.low) - 0.4), height: base - top }); });
    put(svg, "line", { class: "axis", x1: 10, x2: width - 10, y1: base, y2: base });
    const line = (v, kind, text, y) => {
      if (v === null) return;
      put(svg, "line", { class: kind, x1: X(v), x2: X(v), y1: y + 4, y2: base });
      put(svg, "text", { x: Math.min(Math.max(X(v), 55), width - 55), y, "text-anchor": "middle" }, text);
    };
    line(row.tau, "dash", `threshold ${number(row.tau)}`, 12);
    line(row.score, "mark", `score ${number(row.score)}`, 28);
    put(svg, "text", { x: 10, y: base + 16, class: "tick" }, number(x0));
    put(svg, "text", { x: width - 10, y: base + 16, class: "tick", "text-anchor": "end" }, number(x1));
    put(svg, "text", { x: width / 2, y: base + 32, class: "tick", "text-anchor": "middle" }, "score when samples are re-paired");
    say("null-caption", `Grey: the summary of the same grid in ${many(row.draws, "draw")} of chance. p ${pvalue(row.p, row.p, row.least_p)}, n = ${row.n.toLocaleString("en")}.`);
  }

  // ---- one model

  async function model(name) {
    show("pair", false);
    show("model", true);
    title("model-title", name);
    $("model-facts").replaceChildren();
    $("model-title").focus({ preventScroll: true });
    $("model").scrollIntoView({ block: "start" });
    try {
      const value = await latest("model", ask("model", { run: now.run, name }));
      if (!value) return;
      now.model = value;
      const deep = value.layers.map(layer => `${layer.name} (${layer.width})`).join(", ");
      const facts = [["source", value.source], ["modality", value.modality], ["parameters", value.parameters === null ? null : `${value.parameters.toLocaleString("en")} (${count(value.parameters)})`], ["pooling", value.pooling], ["licence", value.licence], ["samples", value.n === null ? null : value.n.toLocaleString("en")], [`${many(value.layers.length, "layer")}, widths`, deep]];
      $("model-facts").replaceChildren(...facts.flatMap(([word, text]) => [node("dt", {}, word), node("dd", {}, text || "–")]));
      say("model-why", value.why);
      if (value.layers.length) near({ run: now.run, model: name, layer: value.layers[value.layers.length - 1].name }, [name], value.layers.map(layer => layer.name));
      else show("near", false);
    } catch (error) { say("model-why", error.message); show("near", false); }
  }

  // ---- neighbours

  function near(asked, names, all = []) {
    now.near = { asked, names };
    show("near", true);
    show("layer-label", all.length > 0);
    $("layer").replaceChildren(...all.map(name => option(name, name)));
    if (all.length) $("layer").value = asked.layer;
    neighbours();
  }

  async function neighbours() {
    const { asked, names } = now.near, sample = $("sample").value || "0", k = $("k").value || "6";
    try {
      const value = await latest("near", ask("neighbours", { ...asked, sample, k }));
      if (!value) return;
      say("near-said", "");
      $("sample").max = value.n - 1;
      now.near.n = value.n;
      const both = new Set(value.shared), nearest = value.sides[0].length;
      say("near-why", [value.sides.length > 1 ? `${value.shared.length} of the ${nearest} nearest ${value.shared.length === 1 ? "is" : "are"} the same for both.` : `The ${nearest} nearest of ${value.n.toLocaleString("en")}.`, value.why].join(" "));
      $("near-query").replaceChildren(...told(value.sample));
      $("near-sides").replaceChildren(...value.sides.map((list, side) => node("div", {}, node("h3", {}, `${names[side]}, ${value.layers[side]}`), node("ol", { class: "near" }, ...list.map(one => {
        const shared = both.has(one.at) && value.sides.length > 1;
        return node("li", shared ? { class: "both" } : {}, ...told(one), ...(shared ? [node("p", {}, node("b", {}, "● nearest for both"))] : []));
      })))));
    } catch (error) {
      say("near-said", error.message);
      $("near-query").replaceChildren();
      $("near-sides").replaceChildren();
      say("near-why", "");
    }
  }

  const told = one => [
    ...(one.picture ? [node("img", { src: `/api/picture?${new URLSearchParams({ run: now.run, sample: one.id })}`, alt: one.texts[0] || `sample ${one.id}`, loading: "lazy" })] : []),
    ...one.texts.map(text => node("p", {}, text)), node("p", { class: "id" }, one.id === `${one.at}` ? `sample ${one.at}` : `sample ${one.at}, ${cut(one.id, 60)}`),
  ];

  // ---- two runs

  let beside = null;
  async function compare() {
    const [first, second] = chosen();
    show("compare", true);
    title("compare-title", `${first} beside ${second}`);
    say("compare-words", "comparing …");
    show("compare-plot", false);
    $("compare-title").focus({ preventScroll: true });
    $("compare").scrollIntoView({ block: "start" });
    try {
      beside = await latest("compare", ask("compare", { first, second }));
      if (!beside) return;
      say("compare-words", beside.words);
      show("compare-plot", beside.differences.length > 0);
      if (beside.differences.length) scatter();
    } catch (error) { say("compare-words", error.message); }
  }

  function scatter() {
    const list = beside.differences, canvas = $("compare-plot"), side = Math.min(canvas.parentNode.clientWidth || 360, 420), pen = sized(canvas, side, side);
    const all = list.flatMap(d => [d.first, d.second]), low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b)), span = high - low || 1;
    const X = v => 44 + (v - low) / span * (side - 60), Y = v => side - 40 - (v - low) / span * (side - 60);
    pen.strokeStyle = ink("--line"); pen.strokeRect(44, 20, side - 60, side - 60);
    pen.beginPath(); pen.moveTo(X(low), Y(low)); pen.lineTo(X(high), Y(high)); pen.stroke();
    pen.fillStyle = ink("--one"); pen.globalAlpha = 0.6;
    list.forEach(d => { pen.beginPath(); pen.arc(X(d.first), Y(d.second), list.length > 2000 ? 1.5 : 3, 0, 7); pen.fill(); });
    pen.globalAlpha = 1; pen.fillStyle = ink("--soft");
    pen.textAlign = "left"; pen.fillText(number(low), 44, side - 24); pen.textAlign = "right"; pen.fillText(number(high), side - 16, side - 24);
    pen.fillText(number(high), 40, 26); pen.fillText(number(low), 40, side - 40); pen.textAlign = "center"; pen.fillText(cut(beside.first, 40), side / 2, side - 8);
    pen.save(); pen.translate(12, side / 2); pen.rotate(-Math.PI / 2); pen.fillText(cut(beside.second, 40), 0, 0); pen.restore();
    canvas.setAttribute("aria-label", `${many(list.length, "pair")} in both runs, scores from ${number(low)} to ${number(high)}`);
    let at = 0;
    const tell = d => say("compare-said", `${d.left} and ${d.right}, ${d.metric}: ${number(d.first)} → ${number(d.second)}`);
    canvas.onpointermove = event => {
      const box = canvas.getBoundingClientRect(), away = d => (X(d.first) - event.clientX + box.left) ** 2 + (Y(d.second) - event.clientY + box.top) ** 2;
      tell(list.reduce((a, b) => away(b) < away(a) ? b : a));
    };
    canvas.onkeydown = event => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); at = (at + step + list.length) % list.length; tell(list[at]); }
    };
  }

  // ---- at work

  function redraw() {
    if (now.rows && now.run) { map.draw(); table.render(); }
    if (now.pair && now.pair.grid && !$("pair").hidden) { layers.draw(); chance(); }
    if (beside && !$("compare").hidden && beside.differences.length) scatter();
  }

  $("runs-filter").addEventListener("input", () => { if (now.state) runs(); });
  $("compare-go").addEventListener("click", compare);
  $("metric").addEventListener("change", () => map.draw());
  $("what").addEventListener("change", () => map.draw());
  $("where").addEventListener("input", () => settle("where", rows));
  $("pair-left").addEventListener("click", () => model(now.pair.asked.left));
  $("pair-right").addEventListener("click", () => model(now.pair.asked.right));
  $("model-rows").addEventListener("click", () => {
    const name = now.model.name, quote = name.includes('"') ? "'" : '"';
    $("where").value = `model = ${quote}${name}${quote}`;
    rows();
    $("where").focus();
  });
  for (const id of ["sample", "k"]) $(id).addEventListener("input", () => settle("near", neighbours));
  $("another").addEventListener("click", () => { $("sample").value = Math.floor(Math.random() * (now.near.n || 1)); neighbours(); });
  $("layer").addEventListener("change", () => { now.near.asked.layer = $("layer").value; neighbours(); });
  addEventListener("resize", () => settle("resize", redraw));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  $("enter-form").addEventListener("submit", async event => {
    event.preventDefault();
    try {
      await enter($("enter-token").value.trim());
      $("enter-token").value = "";
      say("enter-said", "");
      now.wait = EVERY;
    } catch (error) { say("enter-said", "That is not the token."); }
  });

  (async () => {
    const asked = place(), token = asked.get("token");
    if (token) {
      asked.delete("token");
      history.replaceState(null, "", `${location.pathname}${asked.size ? `#${asked}` : ""}`);
      try { await enter(token); } catch (error) { say("live", error.message); }
    }
    poll();
  })();
})();
