// Everything here adds to a page that can be read without it.
document.documentElement.classList.add("scripted");

function prepareTheme() {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* A browser may forbid a file to keep anything. */ }
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* As above. */ }
    show();
  });
  system.addEventListener("change", show);
  show();
}

function prepareFilter(table) {
  const input = document.querySelector(`input[data-table="${table.id}"]`);
  const output = document.querySelector(`output[data-table="${table.id}"]`);
  const rows = [...table.tBodies[0].rows];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    output.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    offerFirst(table);
  });
}

// One place of a table is reached with Tab, the others from there with the arrow keys.
function offerFirst(table) {
  for (const cell of table.querySelectorAll("td")) cell.tabIndex = -1;
  const first = table.querySelector("tr:not([hidden]) > td");
  if (first) first.tabIndex = 0;
}

function neighbour(cell, key) {
  const row = cell.parentElement;
  const rows = [...row.closest("table").querySelectorAll("tbody tr:not([hidden]), tfoot tr")];
  const line = rows.indexOf(row);
  const last = row.cells.length - 1;
  const [down, column] = {
    ArrowUp: [-1, cell.cellIndex],
    ArrowDown: [1, cell.cellIndex],
    ArrowLeft: [0, Math.max(1, cell.cellIndex - 1)],
    ArrowRight: [0, Math.min(last, cell.cellIndex + 1)],
    Home: [0, 1],
    End: [0, last],
  }[key] ?? [0, 0];
  return column ? rows[line + down]?.cells[column] : undefined;
}

function prepareKeys(table) {
  offerFirst(table);
  table.addEventListener("sorted", () => offerFirst(table));
  table.addEventListener("keydown", (event) => {
    const cell = event.target;
    if (cell.tagName !== "TD" || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = neighbour(cell, event.key);
    if (!next) return;
    event.preventDefault();
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

const tip = document.getElementById("tip");
let explained = null;

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

function explain(cell) {
  const heads = cell.closest("table").tHead.rows[0].cells;
  const title = `${cell.parentElement.cells[0].textContent}, ${heads[cell.cellIndex].textContent}: `;
  const conditions = document.getElementById(cell.dataset.of ?? "");
  tip.replaceChildren(paragraph(title + cell.textContent), paragraph(cell.dataset.made ?? ""));
  if (conditions) {
    const list = document.createElement("ul");
    list.append(...[...conditions.children].map((line) => line.cloneNode(true)));
    tip.append(list);
  }
  hide();
  explained = cell;
  cell.setAttribute("aria-describedby", "tip");
  tip.hidden = false;
  follow();
}

function follow() {
  if (!explained) return;
  const place = explained.getBoundingClientRect();
  const left = Math.min(place.left, innerWidth - tip.offsetWidth - 8);
  const below = place.bottom + 6;
  const fits = below + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${fits ? below : Math.max(8, place.top - tip.offsetHeight - 6)}px`;
}

function hide() {
  explained?.removeAttribute("aria-describedby");
  explained = null;
  tip.hidden = true;
}

function prepareExplanations() {
  const show = (event) => {
    const cell = event.target.closest?.("td[data-made]");
    if (cell) explain(cell);
    else if (!explained?.matches(":focus")) hide();
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", follow, { capture: true, passive: true });
  addEventListener("resize", follow);
}

prepareTheme();
prepareExplanations();
for (const table of document.querySelectorAll("table")) {
  prepareFilter(table);
  prepareKeys(table);
}
