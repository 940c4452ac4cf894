// Sorting and filtering of long tables. The pages are complete without it.
"use strict";

const FILTER_FROM_ROWS = 12;

// Rows that hold values; the heading of a group of rows stays where it is.
function valueRows(body) {
  return Array.from(body.rows).filter((row) => !row.classList.contains("group"));
}

function keyOf(row, column) {
  let position = 0;
  for (const cell of row.cells) {
    position += cell.colSpan;
    if (position > column) {
      // A cell across columns (a failure) has no value in any of them.
      return cell.colSpan > 1 ? "" : cell.dataset.key ?? cell.textContent.trim();
    }
  }
  return "";
}

function compare(left, right) {
  const [a, b] = [left, right].map((key) => Number(key.replace("inf", "Infinity")));
  return Number.isNaN(a) || Number.isNaN(b) ? left.localeCompare(right, "en", { numeric: true }) : a - b;
}

function sortBy(table, header, column) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) {
    other.removeAttribute("aria-sort");
  }
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  for (const body of table.tBodies) {
    const keyed = valueRows(body).map((row) => ({ row, key: keyOf(row, column) }));
    keyed.sort((a, b) => {
      if ((a.key === "") !== (b.key === "")) {
        return a.key === "" ? 1 : -1;
      }
      return descending ? compare(b.key, a.key) : compare(a.key, b.key);
    });
    body.append(...keyed.map(({ row }) => row));
  }
}

function makeSortable(table) {
  Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortBy(table, header, column));
    header.append(button);
  });
}

function makeFilterable(table) {
  const bodies = Array.from(table.tBodies, (body) => {
    const heading = body.querySelector("tr.group")?.textContent ?? "";
    const rows = valueRows(body).map((row) => ({ row, text: `${heading} ${row.textContent}`.toLowerCase() }));
    return { body, rows };
  });
  const total = bodies.reduce((sum, { rows }) => sum + rows.length, 0);
  if (total < FILTER_FROM_ROWS) {
    return;
  }
  const label = document.createElement("label");
  label.className = "filter";
  const input = document.createElement("input");
  input.type = "search";
  const count = document.createElement("output");
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const { body, rows } of bodies) {
      for (const { row, text } of rows) {
        row.hidden = !words.every((word) => text.includes(word));
      }
      const left = rows.filter(({ row }) => !row.hidden).length;
      body.hidden = left === 0;
      shown += left;
    }
    count.textContent = `${shown} of ${total} rows`;
  };
  label.append("Filter ", input, count);
  input.addEventListener("input", apply);
  table.closest(".scroll").before(label);
  apply();
}

for (const table of document.querySelectorAll("table.tools")) {
  makeSortable(table);
  makeFilterable(table);
}
