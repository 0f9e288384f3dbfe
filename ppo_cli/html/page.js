"use strict";
// Fills the charts of Bokeh with the data of the page, gives them the page's colours, and sorts its tables.
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const colourOf = (line) => variable(`--series-${(line % 10) + 1}`);
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const plots = new Map(); // id of the element -> model of the plot
  const named = (plot, name) => plot.document.get_model_by_name(name);

  // --- colours: a model's tags say which of its properties is which variable of the style sheet

  function paint(plot) {
    for (const model of plot.references()) {
      const changes = {};
      for (const tag of model.tags ?? []) {
        const [property, name] = tag.split(":");
        changes[property] = variable(name);
      }
      if (Object.keys(changes).length > 0) model.setv(changes);
    }
  }

  // --- numbers, as Python's report.numbers shows them

  function number(value) {
    if (value === null || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const text = size >= 1e4 && size < 1e9 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
    return text.replace("-", "−");
  }

  const count = (value) => value.toLocaleString("en-US");

  function told(curve, index) {
    const mean = number(curve.mean[index]);
    if (!curve.low || curve.low[index] === null) return mean;
    return `${mean} (${number(curve.low[index])} to ${number(curve.high[index])})`;
  }

  /** What a tooltip shows: rows of a name, a value and perhaps a colour. Text stays text. */
  function tip(rows) {
    const table = document.createElement("div");
    table.style.cssText = "display: grid; grid-template-columns: auto auto auto; gap: 2px 8px; align-items: center";
    for (const [name, value, colour] of rows) {
      const cells = ["", name, value].map((text) => Object.assign(document.createElement("span"), { textContent: text }));
      cells[0].style.cssText = `width: 12px; height: 4px; border-radius: 2px; background: ${colour ?? "none"}`;
      cells[1].style.cssText = "color: var(--muted); overflow-wrap: anywhere";
      cells[2].style.cssText = "font-weight: 600";
      table.append(...cells);
    }
    return table;
  }

  // --- lines: what is chosen goes into the sources, what is switched off becomes invisible

  const gaps = (values) => values.map((value) => value ?? NaN);

  /** Fill the lines of a plot: `curves` holds one curve or null per line, `names` what they are called. */
  function fill(plot, curves, names, isShown) {
    const { steps } = page.curves;
    const missing = steps.map(() => NaN);
    const data = { x: steps };
    curves.forEach((curve, line) => {
      for (const part of ["mean", "low", "high"]) data[part + line] = curve?.[part] ? gaps(curve[part]) : missing;
    });
    named(plot, "means").data = data;
    named(plot, "hover").tooltips = (_, { index }) => {
      const known = curves.map((curve, line) => [curve, line]).filter(([curve, line]) => curve && isShown(line));
      const rows = known.map(([curve, line]) => [names[line], told(curve, index), colourOf(line)]);
      return tip([["steps", count(steps[index])], ...rows]);
    };
  }

  const boxes = (legend) => [...byId(legend).querySelectorAll("input[data-series]")];

  function learning(plot) {
    const { metrics, series } = page.curves;
    const threshold = named(plot, "threshold");
    const shown = boxes("curves-legend");
    const isShown = (line) => shown[line].checked;
    const wants = (id) => byId(id)?.checked ?? true;

    function draw() {
      const chosen = Number(byId("metric").value);
      const curves = series.map((one) => one.curves[chosen]);
      fill(plot, curves, series.map((one) => one.name), isShown);
      curves.forEach((curve, line) => {
        const seeds = curve?.seeds ?? [];
        named(plot, `source-${line}`).data = { x: seeds.map(() => page.curves.steps), y: seeds.map(gaps) };
      });
      plot.left[0].axis_label.text = metrics[chosen].name;
      byId("meaning").textContent = metrics[chosen].meaning ? `${metrics[chosen].name}: ${metrics[chosen].meaning}. ` : "";
      if (threshold) threshold.visible = metrics[chosen].isReturn;
      see();
    }

    function see() {
      series.forEach((_, line) => {
        named(plot, `mean-${line}`).visible = isShown(line);
        named(plot, `band-${line}`).visible = isShown(line) && wants("show-bands");
        named(plot, `seeds-${line}`).visible = isShown(line) && wants("show-seeds");
      });
    }

    byId("metric").addEventListener("change", () => { draw(); plot.reset.emit(); });
    byId("curves-panel").addEventListener("change", (event) => { if (event.target.type === "checkbox") draw(); });
    draw();
  }

  function terms(plot) {
    const { metrics, series } = page.curves;
    const places = metrics.flatMap((metric, index) => (metric.isTerm ? [index] : []));
    const names = places.map((place) => metrics[place].name);
    const shown = boxes("terms-legend");

    function draw() {
      const one = series[Number(byId("terms-series").value)];
      fill(plot, places.map((place) => one.curves[place]), names, (line) => shown[line].checked);
      names.forEach((_, line) => { named(plot, `mean-${line}`).visible = shown[line].checked; });
    }

    byId("terms-panel").addEventListener("change", draw);
    draw();
  }

  /** A chart that has its data already: its tooltips are told what column of the data they show. */
  function sensitivity(plot) {
    for (const hover of plot.toolbar.tools.filter((tool) => tool.type === "HoverTool")) {
      const rows = hover.tooltips.map(([name, column]) => [name, column.slice(1)]);
      hover.tooltips = ({ data }, { index }) => tip(rows.map(([name, column]) => [name, data[column][index]]));
    }
  }

  async function drawCharts() {
    const own = { curves: learning, terms };
    for (const item of page.charts) {
      const manager = await Bokeh.embed.embed_item(item);
      const plot = manager.roots[0].model;
      // On a touch screen dragging scrolls the page, until the reader picks a tool.
      if (matchMedia("(pointer: coarse)").matches) plot.toolbar.active_drag = null;
      plots.set(item.target_id, plot);
      (own[item.target_id] ?? sensitivity)(plot);
      paint(plot);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach(paint));
    document.documentElement.dataset.charts = "drawn";
  }

  // --- tables: a header is a button that sorts; what is not there stays at the end

  function keyOf(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.key === undefined) return cell.textContent;
    return cell.dataset.key === "" ? null : Number(cell.dataset.key);
  }

  const names = new Intl.Collator("en", { numeric: true });

  function compare(one, other) {
    if (one === null || other === null) return 0;
    return typeof one === "number" && typeof other === "number" ? one - other : names.compare(one, other);
  }

  function sort(table, header) {
    const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, header.cellIndex), row]);
    rows.sort(([one], [other]) => (one === null) - (other === null) || direction * compare(one, other));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    }
  }

  // --- commands to copy, and GIFs that stand still for those who asked for it

  for (const code of document.querySelectorAll(".command code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      await navigator.clipboard?.writeText(code.textContent).then(() => { button.textContent = "Copied"; }, () => {});
    });
    code.after(button);
  }

  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    for (const picture of document.querySelectorAll("details.picture")) picture.open = false;
  }

  drawCharts();
})();
