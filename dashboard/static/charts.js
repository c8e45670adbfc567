// Charts: one uPlot for each figure, drawn from /api/v1/history or from columns in the page.
(() => {
  "use strict";
  const RANGE_S = { "5m": 300, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800 };
  const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800, 2592000, 7776000, 31536000, 315360000];
  const COUNTS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat(); // there is no half a visitor
  const STEPS = { s: SECONDS, "": COUNTS, " %": COUNTS };
  const charts = new Map();
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const number = (value) => {
    const size = Math.abs(value);
    for (const [unit, from, name] of [[1e12, 1e12, "T"], [1e9, 1e9, "G"], [1e6, 1e6, "M"], [1e3, 1e4, "k"]]) if (size >= from) return Number((value / unit).toFixed(1)) + " " + name;
    return size >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(size >= 1 ? 1 : 2);
  };
  const seconds = (value) => {
    const whole = Math.round(value);
    for (const [unit, name, below, lower] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) if (whole >= unit) {
      const rest = Math.floor(whole % unit / below);
      return Math.floor(whole / unit) + " " + name + (rest ? " " + rest + " " + lower : "");
    }
    return value >= 1 || value === 0 ? value.toFixed(value < 10 && value ? 1 : 0) + " s" : (value * 1000).toFixed(0) + " ms";
  };
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = (time) => { const date = new Date(time * 1000); return date.getUTCDate() + " " + MONTHS[date.getUTCMonth()]; };
  // 24-hour clock; midnight and long steps show the day instead.
  const clock = (time, step) => {
    const text = new Date(time * 1000).toISOString();
    if (step >= 86400 * 28) return day(time).split(" ")[1] + " " + text.slice(0, 4);
    if (step >= 86400 || text.slice(11, 19) === "00:00:00") return day(time);
    return step < 60 ? text.slice(11, 19) : text.slice(11, 16);
  };
  const short = (label) => label.length > 48 ? label.slice(0, 32) + "…" + label.slice(-12) : label;
  const shown = (unit) => (value) => value == null ? "–" : unit === "s" ? seconds(value) : number(value) + unit;

  const moment = (time, step, piece) => {
    const text = new Date(time * 1000).toISOString();
    if (piece === "month") return day(time).split(" ")[1] + " " + text.slice(0, 4);
    return (piece === "week" ? "week from " : "") + day(time) + " " + text.slice(0, 4) + (step >= 86400 ? "" : " " + text.slice(11, step < 60 ? 19 : 16)) + " UTC";
  };

  // Weeks and months are as long as they are: they are named where they begin, as many as have room.
  const WIDTH_S = { minute: 60, hour: 3600, day: 86400, week: 604800, month: 2419200 };
  const begins = (piece) => WIDTH_S[piece] > 86400 ? {
    splits: (chart) => chart.data[0].filter((_, index, { length }) => index % Math.ceil(length * 80 / chart.width) === 0),
  } : {};

  const isBefore = (label) => label.endsWith(" before");
  // What is not over yet (this hour, today) is drawn dashed: a line that falls because time is young is no fall.
  const unfinished = (figure, chart) => {
    const { going } = figure.columns || {};
    return going > 0 && going < chart.data[0].length ? going : Infinity;
  };
  const dashed = (figure) => (chart, index) => {
    const { ctx } = chart, last = unfinished(figure, chart), column = chart.data[index];
    if (isBefore(chart.series[index].label) || last === Infinity || column[last] == null || column[last - 1] == null) return;
    ctx.save();
    ctx.strokeStyle = chart.series[index].stroke();
    ctx.lineWidth = 1.75 * devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    for (const at of [last - 1, last]) ctx.lineTo(chart.valToPos(chart.data[0][at], "x", true), chart.valToPos(column[at], "y", true));
    ctx.stroke();
    ctx.restore();
  };

  // Beside the pointer: the time, and each line's value; a line "… before" also as what has changed since.
  const said = (chart, format, piece) => {
    const { idx } = chart.cursor, [times] = chart.data, step = times[1] - times[0];
    const rows = chart.series.slice(1).map((one, index) => [one, chart.data[index + 1][idx]]);
    const of = (label) => rows.find(([one]) => one.label === label)?.[1];
    const head = Object.assign(document.createElement("p"), { textContent: moment(times[idx], piece ? WIDTH_S[piece] : step, piece) });
    const lines = rows.filter(([, value]) => value != null).map(([one, value]) => {
      const line = document.createElement("p"), mark = document.createElement("i"), amount = document.createElement("b");
      const then = of(one.label + " before"), change = then ? Math.round((value / then - 1) * 100) : null;
      mark.style.background = one.stroke();
      amount.textContent = format(value) + (change === null || Math.abs(change) > 999 ? "" : ` (${change > 0 ? "+" : change < 0 ? "−" : "±"}${Math.abs(change)} %)`);
      line.append(mark, one.label, amount);
      return line;
    });
    return [head, ...lines];
  };
  const tip = (format, piece) => (chart) => {
    const { idx, left, top } = chart.cursor, { over } = chart;
    const box = over.querySelector(".tip") || over.appendChild(Object.assign(document.createElement("div"), { className: "tip" }));
    box.hidden = idx == null || left < 0 || !over.matches(":hover") || chart.data.slice(1).every((column) => column[idx] == null);
    if (box.hidden) return;
    box.replaceChildren(...said(chart, format, piece));
    const flip = left + box.offsetWidth + 24 > over.clientWidth;
    box.style.left = Math.max(0, flip ? left - box.offsetWidth - 12 : left + 12) + "px";
    box.style.top = Math.max(0, Math.min(top, over.clientHeight - box.offsetHeight)) + "px";
  };

  const options = (figure, plot) => {
    const unit = figure.dataset.unit, labels = figure.labels || JSON.parse(figure.dataset.labels), format = shown(unit);
    const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const piece = figure.dataset.step, fixed = "fixed" in figure.dataset, straight = uPlot.paths.linear();
    const stroke = (label, index) => isBefore(label) ? color("--s1") + "99" : color(`--s${index % 6 + 1}`);
    return {
      width: Math.max(200, plot.clientWidth), height: fixed ? 250 : 196,
      tzDate: (time) => uPlot.tzDate(new Date(time * 1e3), "Etc/UTC"),
      padding: [null, 28, null, null], // the last time of the axis is written whole
      cursor: { y: false, points: { size: 6 }, ...(fixed ? {} : { sync: { key: "time" } }) },
      hooks: {
        setLegend: [(chart) => { if (chart.legend.idx == null) newest(chart); }],
        drawSeries: [dashed(figure)],
        setCursor: [tip(format, piece)],
      },
      scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [
        { ...axis, ...begins(piece), space: 70, size: 30, values: (_, ticks, __, ___, step) => ticks.map((time) => clock(time, piece === "month" ? WIDTH_S.month : step)) },
        { ...axis, size: (_, texts) => 14 + 7 * Math.max(3, ...(texts || []).map((text) => text.length)), incrs: STEPS[unit], values: (_, ticks) => ticks.map(format) },
      ],
      series: [
        { label: "UTC", value: (_, time) => time == null ? "–" : new Date(time * 1000).toISOString().slice(0, WIDTH_S[piece] >= 86400 ? 10 : 19).replace("T", " ") },
        ...labels.map((label, index) => ({
          label: short(label), stroke: stroke(label, index), width: 1.75, spanGaps: false, points: { size: 6, show: (chart, at) => chart.data[at].filter((value) => value != null).length === 1 }, // no line has one end
          dash: index > 2 || isBefore(label) ? [6, 3] : undefined,
          fill: index === 0 && (fixed || labels.length === 1) ? color("--s1") + "22" : undefined,
          paths: (chart, at, from, to) => straight(chart, at, from, isBefore(chart.series[at].label) ? to : Math.min(to, unfinished(figure, chart) - 1)),
          value: (_, value) => format(value),
        })),
      ],
    };
  };

  // While nobody points at the chart its legend tells the newest values.
  const newest = (chart) => {
    let idx = chart.data[0].length - 1;
    while (idx > 0 && chart.data.slice(1).every((column) => column[idx] == null)) idx -= 1;
    chart.setLegend({ idx }, false);
  };
  // Where the range was not chosen, an empty beginning (a young history) is left out.
  const trimmed = (figure, data) => {
    if (figure.dataset.chosen) return data;
    const first = data[0].findIndex((_, index) => data.slice(1).some((column) => column[index] != null));
    return first > data[0].length / 4 ? data.map((column) => column.slice(Math.max(0, first - 1))) : data;
  };

  const draw = (figure, data) => {
    const plot = figure.querySelector(".plot");
    const empty = data.length < 2 || data.slice(1).every((column) => column.every((value) => value == null));
    const old = charts.get(figure);
    if (empty) {
      if (old) { old.destroy(); charts.delete(figure); }
      plot.textContent = "";
      const note = document.createElement("p");
      note.className = "none";
      note.textContent = "limited" in document.body.dataset
        ? "Nothing seen in this range yet, or only together with what you may not see."
        : "Nothing seen in this range yet.";
      plot.append(note);
      return;
    }
    if (old) {
      old.setData(data);
      if (!(old.cursor.left >= 0)) newest(old); // the place that was newest may hold nothing now
      return;
    }
    plot.textContent = "";
    charts.set(figure, new uPlot(options(figure, plot), data, plot));
  };

  const load = async (figure) => {
    const names = JSON.parse(figure.dataset.series);
    const query = new URLSearchParams({ range: figure.dataset.range in RANGE_S ? figure.dataset.range : "1h" });
    for (const name of names) query.append("s", name);
    if (figure.dataset.cluster) query.set("cluster", figure.dataset.cluster);
    try {
      const answer = await fetch("/api/v1/history?" + query);
      if (!answer.ok) return;
      const found = await answer.json();
      draw(figure, trimmed(figure, [found.t, ...names.map((name) => found.series[name])]));
    } catch { /* the stream shows that the dashboard is away */ }
  };

  const columns = (figure, found) => {
    figure.columns = found;
    const labels = found.lines.map(([label]) => label);
    if (figure.labels?.join() !== labels.join()) {
      figure.labels = labels;
      const old = charts.get(figure);
      if (old) { old.destroy(); charts.delete(figure); }
    }
    draw(figure, [found.t, ...found.lines.map(([, values]) => values)]);
  };
  const live = () => document.querySelectorAll("figure[data-series]");
  const fixed = () => document.querySelectorAll("figure[data-fixed]");
  const all = () => {
    live().forEach(load);
    fixed().forEach((figure) => {
      const found = figure.columns || (figure.dataset.columns && JSON.parse(figure.dataset.columns));
      if (found) columns(figure, found);
    });
  };
  // In the colours of now, with what is known: on paper, or when the theme is another one.
  const again = () => [...charts].forEach(([figure, chart]) => {
    const { data } = chart;
    chart.destroy();
    charts.delete(figure);
    draw(figure, data);
  });

  let last = 0, waiting = 0;
  window.footfallCharts = {
    // A frame arrived: read history again, at most every five seconds (every second for 5 minutes).
    tick(frame) {
      if (frame.chart) fixed().forEach((figure) => columns(figure, frame.chart));
      const pause = document.querySelector('figure[data-range="5m"]') ? 1000 : 5000;
      if (Date.now() - last < pause - 50) return;
      last = Date.now();
      charts.forEach((chart, figure) => { if (!figure.isConnected) { chart.destroy(); charts.delete(figure); } });
      live().forEach(load);
    },
    changed(figure) {
      const old = charts.get(figure);
      if (old) { old.destroy(); charts.delete(figure); }
      load(figure);
    },
    again,
  };
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => charts.forEach((chart, figure) => {
      const plot = figure.querySelector(".plot");
      chart.setSize({ width: plot.clientWidth, height: chart.height });
    }), 150);
  });
  for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", again);
  all();
})();
