"use strict";

// A page can be read without it. Rows stay within their group; places without a number come last.
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const numberIn = (cell) => parseFloat(cell.dataset.value ?? cell.textContent.replace("−", "-"));

function compare(one, other, isWord, sign) {
  if (isWord) return sign * collator.compare(one.textContent, other.textContent);
  const [a, b] = [numberIn(one), numberIn(other)];
  if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
  return sign * (a - b);
}

function sortBy(head) {
  const turned = { ascending: "descending", descending: "ascending" };
  const isWord = head.classList.contains("word");
  const first = head.dataset.first ?? (isWord ? "ascending" : "descending");
  const order = turned[head.getAttribute("aria-sort")] ?? first;
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const [sign, column] = [order === "ascending" ? 1 : -1, head.cellIndex];
  const table = head.closest("table");
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => row.cells.length > column);
    rows.sort((a, b) => compare(a.cells[column], b.cells[column], isWord, sign));
    body.append(...rows);
  }
  table.dispatchEvent(new Event("sorted"));
}

for (const head of document.querySelectorAll("thead tr:last-child th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  button.addEventListener("click", () => sortBy(head));
  head.replaceChildren(button);
}
