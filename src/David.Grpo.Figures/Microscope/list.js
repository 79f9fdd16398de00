"use strict";
// The list: only the rows in sight are there.

(() => {
  const { element, number, signed, marks } = microscope;
  const list = document.getElementById("list");
  const rows = document.getElementById("rows");
  const HEIGHT = 58; // of a row in pixels, as in the style sheet
  const MARGIN = 6; // rows beyond each edge

  let shown = []; // the rows that pass the filters
  let places = new Map(); // row → its place among them
  let chosen = null;
  let drawn = { from: -1, until: -1 };

  const badges = (row) => {
    const all = [];
    if (row.expert) all.push(["expert", "expert"]);
    if (row.kept > 0) all.push(["continuation", "continuation"]);
    if (row.role !== "member") all.push(["left", row.role === "candidate" ? "no place" : row.role]);
    return all.map(([name, text]) => element("span", { className: `badge ${name}`, textContent: text }));
  };
  microscope.badges = badges;

  const line = (row, place) => {
    const { group } = row;
    const item = element(
      "div",
      { className: `row ${row.outcome}${row.role === "member" ? "" : " left"}`, id: `row-${row.number}` },
      element("span", { className: "mark", textContent: marks[row.outcome], title: row.outcome }),
      element("span", { className: "question", textContent: group.question }),
      element("span", { className: "reward", textContent: number(row.reward), title: "reward" }),
      element(
        "span",
        { className: "what" },
        element("span", { className: "where", textContent: `step ${group.step} · #${row.member + 1}` }),
        ...badges(row),
        element("span", { className: "answer", textContent: row.answer || "no answer" }),
      ),
      element("span", {
        className: "advantage",
        textContent: row.advantage === null ? "" : signed(row.advantage),
        title: "advantage",
      }),
    );
    item.style.top = `${place * HEIGHT}px`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(row === chosen));
    item.setAttribute("aria-posinset", String(place + 1));
    item.setAttribute("aria-setsize", String(shown.length));
    item.onclick = () => microscope.choose(row, { open: true });
    return item;
  };

  const draw = (force) => {
    const from = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - MARGIN);
    const until = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + MARGIN);
    if (!force && from === drawn.from && until === drawn.until) return;
    drawn = { from, until };
    rows.replaceChildren(...shown.slice(from, until).map((row, i) => line(row, from + i)));
  };

  // Shows other rows.
  microscope.list = (selected) => {
    shown = selected;
    places = new Map(shown.map((row, place) => [row, place]));
    rows.style.height = `${shown.length * HEIGHT}px`;
    const all = microscope.rows.length.toLocaleString("en");
    const some = shown.length.toLocaleString("en");
    document.getElementById("count").textContent =
      shown.length === microscope.rows.length
        ? `${all} trajectories`
        : shown.length === 0
          ? `None of ${all} trajectories; Esc shows all`
          : `${some} of ${all} trajectories`;
    draw(true);
    if (chosen !== null && places.has(chosen)) microscope.reveal(chosen);
    else list.scrollTop = 0;
  };

  // Marks a row as the one that is looked at.
  microscope.reveal = (row) => {
    chosen = row;
    const place = places.get(row);
    if (place !== undefined) {
      const top = place * HEIGHT;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
    }
    draw(true);
    list.setAttribute("aria-activedescendant", place === undefined ? "" : `row-${row.number}`);
  };

  // The row so many places from the chosen one, within the list; the first where none is chosen.
  microscope.neighbour = (distance) => {
    if (shown.length === 0) return null;
    const place = places.get(chosen);
    if (place === undefined) return shown[0];
    return shown[Math.max(0, Math.min(shown.length - 1, place + distance))];
  };

  microscope.pageOfRows = () => Math.max(1, Math.floor(list.clientHeight / HEIGHT) - 1);
  microscope.shown = () => shown;

  list.addEventListener("scroll", () => draw(false), { passive: true });
  new ResizeObserver(() => draw(false)).observe(list);
})();
