// Browser code of the console beside htmx: the chart, the stale-page banner, and copying of secrets.
"use strict";

(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const bars = () => uPlot.paths.bars({ size: [0.7, 40], radius: 0.15 });

  const options = (figure, width, values) => {
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const hours = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    return {
      width,
      height: figure.clientHeight,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: (_, low, high) => [low - 1800, high + 1800] },
        y: { range: (_, low, high) => [0, Math.max(4, high * 1.1)] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 32, space: 56, incrs: [3600, 7200, 10800, 14400, 21600], values: (_, at) => at.map((second) => hours.format(second * 1000)) },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000], space: 44 },
      ],
      series: [
        {},
        { fill: colour("--bar"), width: 0, paths: bars(), points: { show: false } },
        { fill: colour("--warn"), width: 0, paths: bars(), points: { show: false } },
      ],
      hooks: { setCursor: [(plot) => showNote(figure, values, plot.cursor.idx)] },
    };
  };

  // The same text as the row of the table below the chart.
  const showNote = (figure, values, index) => {
    const note = figure.parentElement.querySelector(".chart-note");
    if (note) note.textContent = index === null || index === undefined ? "" : values.words[index];
  };

  const draw = (figure) => {
    const values = JSON.parse(figure.dataset.values);
    figure.plot?.destroy();
    figure.plot = new uPlot(options(figure, figure.clientWidth, values), [values.hours, values.calls, values.slow], figure);
  };

  const drawAll = () => document.querySelectorAll("[data-values]").forEach(draw);

  const watch = () => {
    document.querySelectorAll("[data-values]").forEach((figure) => {
      if (figure.watched) return;
      figure.watched = true;
      let width = 0;
      new ResizeObserver(() => {
        if (figure.clientWidth !== width) draw(figure);
        width = figure.clientWidth;
      }).observe(figure);
    });
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = button.dataset.done;
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
  });
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-print]").forEach((button) => (button.hidden = false)));

  // Browsers allow the clipboard only on https and localhost. Elsewhere a click selects the secret.
  const offerCopying = () => document.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = !navigator.clipboard));

  document.addEventListener("DOMContentLoaded", watch);
  document.addEventListener("DOMContentLoaded", offerCopying);
  document.addEventListener("htmx:load", watch);
  // After the session has ended, or without a server, old figures must not look current.
  document.addEventListener("htmx:responseError", () => document.body.classList.add("stale"));
  document.addEventListener("htmx:sendError", () => document.body.classList.add("stale"));
  document.addEventListener("htmx:afterOnLoad", () => document.body.classList.remove("stale"));
})();
