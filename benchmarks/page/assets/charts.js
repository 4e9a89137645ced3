// Draws the figures that lie in the page as JSON, in the colours of the theme.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 40rem)");
const config = { displayModeBar: false, responsive: true };

// The style sheet's custom properties, by name, in place of every "var(--name)".
function coloured(value, styles) {
  if (typeof value === "string") {
    const name = /^var\((--[a-z0-9-]+)\)$/.exec(value);
    return name ? styles.getPropertyValue(name[1]).trim() : value;
  }
  if (Array.isArray(value)) return value.map((each) => coloured(each, styles));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, styles)]));
}

function draw(source) {
  const styles = getComputedStyle(document.documentElement);
  const { data, layout } = coloured(JSON.parse(source.textContent), styles);
  if (narrow.matches) {
    // labels at the marks would cover each other; a tap on a mark still names it
    for (const trace of data) if (trace.mode === "markers+text") trace.mode = "markers";
  }
  layout.font.family = getComputedStyle(document.body).fontFamily;
  Plotly.react(source.dataset.figure, data, layout, config);
}

function drawAll() {
  document.querySelectorAll("script[data-figure]").forEach(draw);
}

drawAll();
dark.addEventListener("change", drawAll);
narrow.addEventListener("change", drawAll);
