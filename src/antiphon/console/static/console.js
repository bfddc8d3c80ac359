// Charts, and manners of pages that look again and again. Nothing here decides anything.
"use strict";

(() => {
  const last = new WeakMap();

  // What looks again waits while nobody sees the page, and leaves alone what somebody is reading with the keyboard.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    const text = event.detail.xhr.responseText;
    if (event.detail.xhr.status !== 200) return;
    if (target.contains(document.activeElement) || last.get(target) === text) event.detail.shouldSwap = false;
    last.set(target, text);
    tell("");
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const status = event.detail.xhr ? event.detail.xhr.status : 0;
      tell(status ? `Not up to date: the gateway answered ${status}.` : "Not up to date: the gateway can’t be reached.");
    });
  }

  function tell(text) {
    const place = document.getElementById("status");
    if (!place || place.textContent === text) return;
    place.textContent = text;
    place.classList.toggle("sr", !text);
    place.classList.toggle("alert", Boolean(text));
  }

  const SERIES = {
    money: { index: 1, label: "Cost", scale: 1e-9, text: (value) => `$${short(value)}` },
    requests: { index: 2, label: "Requests", scale: 1, text: (value) => short(value) },
  };

  function short(value) {
    if (value === 0) return "0";
    if (value >= 1e9) return `${+(value / 1e9).toFixed(1)}B`;
    if (value >= 1e6) return `${+(value / 1e6).toFixed(1)}M`;
    if (value >= 1e4) return `${+(value / 1e3).toFixed(1)}k`;
    return String(+value.toPrecision(3));
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function draw(place) {
    const { unit, points } = JSON.parse(place.dataset.chart);
    const series = SERIES[place.dataset.series];
    const step = points.length > 1 ? points[1][0] - points[0][0] : 3600;
    const day = unit === "day";
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const time = new Intl.DateTimeFormat("en-GB", day
      ? { timeZone: "UTC", day: "numeric", month: "short" }
      : { timeZone: "UTC", hour: "2-digit", minute: "2-digit" });
    const options = {
      width: place.clientWidth,
      height: 180,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), "Etc/UTC"),
      legend: { show: false },
      cursor: { points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { range: (_, from, to) => [from, to + step] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 28, space: 60, values: (_, all) => all.map((at) => time.format(at * 1e3)) },
        { ...axis, size: 56, space: 36, values: (_, all) => all.map((value) => series.text(value)) },
      ],
      series: [
        {},
        { label: series.label, fill: colour("--accent"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 48], align: 1, radius: 0.15 }) },
      ],
    };
    return new uPlot(options, [points.map((one) => one[0]), points.map((one) => one[series.index] * series.scale)], place);
  }

  function charts() {
    const places = document.querySelectorAll("[data-chart]");
    if (!places.length || typeof uPlot === "undefined") return;
    const drawn = new Map();
    const again = () => {
      for (const place of places) {
        const before = drawn.get(place);
        if (before) before.destroy();
        drawn.set(place, draw(place));
      }
    };
    again();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    new ResizeObserver(() => {
      for (const [place, chart] of drawn) {
        if (place.clientWidth && place.clientWidth !== chart.width) chart.setSize({ width: place.clientWidth, height: 180 });
      }
    }).observe(document.querySelector("main"));
  }

  charts();
})();
