// Charts: one uPlot for each figure, drawn from /api/v1/history or from columns in the page.
(() => {
  "use strict";
  const RANGE_S = { "5m": 300, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800 };
  const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800];
  const COUNTS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat(); // there is no half a visitor
  const STEPS = { s: SECONDS, "": COUNTS };
  const charts = new Map();
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const number = (value) => {
    const size = Math.abs(value);
    if (size >= 1e9) return (value / 1e9).toFixed(1) + " G";
    if (size >= 1e6) return (value / 1e6).toFixed(1) + " M";
    if (size >= 1e4) return (value / 1e3).toFixed(1) + " k";
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
  // 24-hour clock; midnight and long steps show the day instead.
  const clock = (time, step) => {
    const text = new Date(time * 1000).toISOString();
    if (step >= 86400 * 300) return text.slice(0, 7);
    if (step >= 86400 || text.slice(11, 19) === "00:00:00") return text.slice(5, 10);
    return step < 60 ? text.slice(11, 19) : text.slice(11, 16);
  };
  const short = (label) => label.length > 48 ? label.slice(0, 32) + "…" + label.slice(-12) : label;
  const shown = (unit) => (value) => value == null ? "–" : unit === "s" ? seconds(value) : number(value) + unit;

  const options = (figure, plot) => {
    const unit = figure.dataset.unit, labels = JSON.parse(figure.dataset.labels), format = shown(unit);
    const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const fixed = "fixed" in figure.dataset;
    return {
      width: Math.max(200, plot.clientWidth), height: "fixed" in figure.dataset ? 250 : 196,
      tzDate: (time) => uPlot.tzDate(new Date(time * 1e3), "Etc/UTC"),
      padding: [null, 28, null, null], // the last time of the axis is written whole
      cursor: fixed ? {} : { sync: { key: "time" } },
      hooks: { setLegend: [(chart) => { if (chart.legend.idx == null) newest(chart); }] },
      scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [{ ...axis, space: 70, size: 30, values: (_, ticks, __, ___, step) => ticks.map((time) => clock(time, step)) }, { ...axis, size: 72, incrs: STEPS[unit], values: (_, ticks) => ticks.map(format) }],
      series: [
        { label: "UTC", value: (_, time) => time == null ? "–" : new Date(time * 1000).toISOString().slice(0, 19).replace("T", " ") },
        ...labels.map((label, index) => ({
          label: short(label), stroke: color(`--s${index % 6 + 1}`), width: 1.75, spanGaps: false, points: { show: false },
          dash: index > 2 || label.endsWith(" before") ? [6, 3] : undefined, fill: index === 0 ? color(`--s1`) + "22" : undefined,
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
    if (old) { old.setData(data); return; }
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
    const labels = found.before ? ["visitors", "page views", "visitors before"] : ["visitors", "page views"];
    if (figure.dataset.labels !== JSON.stringify(labels)) {
      figure.dataset.labels = JSON.stringify(labels);
      const old = charts.get(figure);
      if (old) { old.destroy(); charts.delete(figure); }
    }
    draw(figure, [found.t, found.visitors, found.page_views, ...(found.before ? [found.before] : [])]);
  };
  const live = () => document.querySelectorAll("figure[data-series]");
  const fixed = () => document.querySelectorAll("figure[data-columns]");
  const all = () => { live().forEach(load); fixed().forEach((figure) => columns(figure, JSON.parse(figure.dataset.columns))); };
  const again = () => { charts.forEach((chart) => chart.destroy()); charts.clear(); all(); };

  let last = 0, waiting = 0;
  window.footfallCharts = {
    // A frame arrived: read history again, at most every five seconds (every second for 5 minutes).
    tick(frame) {
      if (frame.chart) fixed().forEach((figure) => {
        figure.dataset.columns = JSON.stringify(frame.chart);
        columns(figure, frame.chart);
      });
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
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  all();
})();
