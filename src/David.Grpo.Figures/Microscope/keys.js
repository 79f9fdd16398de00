"use strict";
// The keyboard, the address, and the start.

(() => {
  const { element } = microscope;
  const byId = (id) => document.getElementById(id);
  const detail = byId("detail");
  let chosen = null;

  // Looks at a trajectory. `open` brings it to the front where list and trajectory do not stand side by side.
  microscope.choose = async (row, { open = false, quiet = false } = {}) => {
    if (!row) return;
    const isOther = row !== chosen;
    chosen = row;
    microscope.reveal(row);
    if (open) document.body.classList.add("opened");
    if (!isOther) return;
    if (!quiet) history.replaceState(null, "", "#" + microscope.name(row));
    try {
      const opened = await microscope.open(row);
      if (chosen !== row) return;
      microscope.show(opened);
      if (open) scrollTo(0, 0);
      detail.scrollTop = 0;
    } catch (failure) {
      detail.replaceChildren(element("p", { className: "failure", textContent: failure.message }));
    }
  };

  microscope.close = () => {
    document.body.classList.remove("opened");
    byId("list").focus();
  };

  const refresh = () => {
    microscope.list(microscope.select());
  };

  const sibling = (distance) => {
    const all = microscope.siblings ?? [];
    const at = all.indexOf(chosen);
    if (at >= 0) microscope.choose(all[Math.max(0, Math.min(all.length - 1, at + distance))]);
  };

  // Keys: what they are called, what they do, their names in events.
  const KEYS = [
    ["j  ↓", "next trajectory", ["j", "ArrowDown"], () => microscope.choose(microscope.neighbour(1))],
    ["k  ↑", "previous trajectory", ["k", "ArrowUp"], () => microscope.choose(microscope.neighbour(-1))],
    ["Page ↓", "a screen of trajectories down", ["PageDown"], () => microscope.choose(microscope.neighbour(microscope.pageOfRows()))],
    ["Page ↑", "a screen of trajectories up", ["PageUp"], () => microscope.choose(microscope.neighbour(-microscope.pageOfRows()))],
    ["Home", "first trajectory", ["Home"], () => microscope.choose(microscope.neighbour(-Infinity))],
    ["End", "last trajectory", ["End"], () => microscope.choose(microscope.neighbour(Infinity))],
    ["l  →", "next of the group", ["l", "ArrowRight"], () => sibling(1)],
    ["h  ←", "previous of the group", ["h", "ArrowLeft"], () => sibling(-1)],
    ["Enter", "open (on a phone)", ["Enter"], () => chosen && microscope.choose(chosen, { open: true })],
    [".", "next token", ["."], () => microscope.moveToken(1)],
    [",", "previous token", [","], () => microscope.moveToken(-1)],
    ["/", "search", ["/"], () => { microscope.close(); byId("search").focus(); byId("search").select(); }],
    ["1 … 4", "colour by origin, probability, advantage, slope", [], null],
    ["c", "next colour", ["c"], () => microscope.nextColour()],
    ["Esc", "close, leave the search, show all", ["Escape"], () => escape()],
    ["?", "this help", ["?"], () => byId("help").showModal()],
  ];
  const actions = new Map(KEYS.flatMap(([, , names, action]) => names.map((name) => [name, action])));
  microscope.colours.forEach(([name], i) => actions.set(String(i + 1), () => microscope.paintBy(name)));

  const escape = () => {
    if (document.body.classList.contains("opened")) return microscope.close();
    microscope.clearFilters();
    refresh();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const target = event.target;
    if (target === byId("search")) {
      if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        byId("list").focus();
        if (event.key !== "Escape") microscope.choose(microscope.neighbour(0));
      }
      return;
    }
    if (target.tagName === "SELECT" && event.key !== "Escape" && event.key !== "/") return;
    if (event.key === "Enter" && target !== byId("list") && target !== document.body) return;
    const action = actions.get(event.key);
    if (!action) return;
    event.preventDefault();
    action();
  });

  const makeHelp = () => {
    const definition = (name, textContent) => [
      element("dt", {}, element("kbd", { textContent: name })),
      element("dd", { textContent }),
    ];
    byId("help").append(
      element("h2", { textContent: "Keys" }),
      element("dl", {}, ...KEYS.flatMap(([name, what]) => definition(name, what))),
      element("h2", { textContent: "Colours" }),
      element(
        "dl",
        {},
        ...microscope.colours.flatMap(([, label, meaning]) => [
          element("dt", { textContent: label }),
          element("dd", { textContent: meaning }),
        ]),
      ),
      element("p", {
        textContent:
          "★ marks gold passages, ✂ the place where a continuation leaves what it took over. All words of a search must occur in the question, the answers, the queries or the titles that were found; a button below it also reads all that was written and observed.",
      }),
      element("form", { method: "dialog" }, element("button", { textContent: "Close" })),
    );
    byId("help-button").onclick = () => byId("help").showModal();
    byId("help").onclick = (event) => event.target === byId("help") && byId("help").close();
  };

  // The trajectory that the address names.
  const named = () => {
    const name = location.hash.slice(1);
    return name === "" ? null : (microscope.rows.find((row) => microscope.name(row) === name) ?? null);
  };

  microscope.ready = () => {
    const { title } = microscope.info;
    byId("title").textContent = title;
    document.title = `${title} – trajectory microscope`;
    makeHelp();
    microscope.makeFilters(refresh);
    refresh();
    if (microscope.rows.length === 0)
      detail.replaceChildren(element("p", { className: "failure", textContent: "This run has logged no trajectories." }));
    const first = named();
    microscope.choose(first ?? microscope.rows[0], { quiet: true, open: first !== null });
    window.onhashchange = () => microscope.choose(named());
    byId("list").focus({ preventScroll: true });
    document.documentElement.dataset.ready = "true";
  };

  addEventListener("load", () => {
    if (!microscope.info)
      detail.replaceChildren(
        element("p", {
          className: "failure",
          textContent: "data/index.js is missing or damaged. Write the page again: david report RUN",
        }),
      );
  });
})();
