// Tables that sort by the heading that is pressed: buttons, so the keyboard does it as well.
"use strict";

for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const status = document.querySelector(`[data-announces="${table.id}"]`);

  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const best = heading.dataset.better === "lower" ? "ascending" : "descending";
      const other = best === "ascending" ? "descending" : "ascending";
      const order = heading.getAttribute("aria-sort") === best ? other : best;
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      sort(table.tBodies[0], column, order, heading.dataset.key === "policy");
      status.textContent = `Sorted by ${heading.textContent.trim()}, ${order}`;
    });
  });
}

function sort(body, column, order, byText) {
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => [row.cells[column].dataset.value, row]);
  rows.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what is missing comes last
    return sign * (byText ? (a < b ? -1 : a > b ? 1 : 0) : Number(a) - Number(b));
  });
  body.append(...rows.map(([, row]) => row));
}
