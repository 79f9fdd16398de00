"use strict";
// Which trajectories are listed, and in which order.

(() => {
  const { element } = microscope;
  const byId = (id) => document.getElementById(id);

  const OUTCOMES = [
    ["", "All"],
    ["right", "✓ Right"],
    ["wrong", "✗ Wrong"],
    ["unanswered", "– Unanswered"],
  ];

  // Which trajectories: name in the address, label, test.
  const WHICH = [
    ["", "all trajectories", () => true],
    ["expert", "experts", (row) => row.expert === 1],
    ["continuation", "continuations", (row) => row.kept > 0],
    ["learned", "learned from", (row) => row.role === "member"],
    ["unlearned", "not learned from", (row) => row.role !== "member"],
    ["alive", "of groups that teach", (row) => row.group.dead === 0],
    ["dead", "of dead groups", (row) => row.group.dead === 1],
  ];

  // Orders: name, label, key; ties keep the order of the run.
  const ORDERS = [
    ["", "in order of the run", null],
    ["reward-", "highest reward", (row) => -row.reward],
    ["reward", "lowest reward", (row) => row.reward],
    ["advantage-", "highest advantage", (row) => -(row.advantage ?? -Infinity)],
    ["advantage", "lowest advantage", (row) => row.advantage ?? Infinity],
    ["slope-", "strongest push", (row) => -row.largestSlope],
    ["searches-", "most searches", (row) => -row.queries.length],
    ["tokens-", "most tokens written", (row) => -row.tokens],
    ["coverage", "lowest coverage", (row) => row.coverage],
  ];

  const state = { search: "", outcome: "", which: "", hops: "", step: "", sort: "" };
  microscope.filter = state;

  // All that is searched of a trajectory, in lower case; made when the first search asks for it.
  const haystack = (row) =>
    (row.haystack ??= [
      row.group.question,
      row.group.answers,
      row.group.kind,
      row.answer,
      ...row.queries,
      ...row.found.map((title) => microscope.titles[title]),
    ]
      .join("\n")
      .toLowerCase());

  const wordsOf = (search) => search.toLowerCase().split(/\s+/).filter(Boolean);

  // Trajectories in whose tokens the words of a search occur; only of the search that was asked for last.
  let deep = { search: "", rows: new Set() };

  // Reads all parts for the words of the search: what was thought and observed is not in the index.
  const searchDeeply = async () => {
    const button = byId("deep");
    const { search } = state;
    const words = wordsOf(search);
    const rows = new Set();
    button.disabled = true;
    for (let number = 0; number < microscope.info.parts; number++) {
      const part = await microscope.load(number);
      for (const group of microscope.groups) {
        if (group.part !== number) continue;
        for (const row of group.rows) {
          const { segments } = part.groups[group.place].trajectories[row.place];
          const text = segments
            .map((segment) => segment.words.map((word) => part.words[word]).join(""))
            .join("\n")
            .toLowerCase();
          if (words.every((word) => text.includes(word) || haystack(row).includes(word))) rows.add(row);
        }
      }
      if (state.search !== search) break;
      button.textContent = `Searching all text: ${Math.round((100 * (number + 1)) / microscope.info.parts)} %`;
    }
    button.disabled = false;
    if (state.search === search) deep = { search, rows };
  };

  const offerDeepSearch = () => {
    const button = byId("deep");
    button.hidden = state.search.trim() === "" || deep.search === state.search;
    if (!button.disabled) button.textContent = "Search all that was written and read too";
  };

  const tests = () => {
    const words = wordsOf(state.search);
    const found = deep.search === state.search ? deep.rows : new Set();
    const which = WHICH.find(([name]) => name === state.which)[2];
    return {
      search: (row) => found.has(row) || words.every((word) => haystack(row).includes(word)),
      outcome: (row) => state.outcome === "" || row.outcome === state.outcome,
      which,
      hops: (row) => state.hops === "" || row.group.hops === Number(state.hops),
      step: (row) => state.step === "" || row.group.step === Number(state.step),
    };
  };

  // The rows that pass, ordered; and how many of each outcome would, whatever outcome is chosen.
  microscope.select = () => {
    const { outcome, ...others } = tests();
    offerDeepSearch();
    const rest = Object.values(others);
    const passing = microscope.rows.filter((row) => rest.every((test) => test(row)));
    const counts = { "": passing.length, right: 0, wrong: 0, unanswered: 0 };
    for (const row of passing) counts[row.outcome]++;
    const rows = passing.filter(outcome);
    const key = ORDERS.find(([name]) => name === state.sort)[2];
    if (key) {
      const keys = new Map(rows.map((row) => [row, key(row)]));
      rows.sort((a, b) => keys.get(a) - keys.get(b) || a.number - b.number);
    }
    for (const button of byId("outcomes").children) {
      button.lastChild.textContent = counts[button.value].toLocaleString("en");
      button.setAttribute("aria-pressed", String(button.value === state.outcome));
    }
    return rows;
  };

  const distinct = (values) => [...new Set(values)].sort((a, b) => a - b);

  const choices = (id, pairs) =>
    byId(id).append(...pairs.map(([value, label]) => element("option", { value, textContent: label })));

  // Makes the controls; `changed` is called whenever one of them is.
  microscope.makeFilters = (changed) => {
    const rows = microscope.rows;
    byId("outcomes").append(
      ...OUTCOMES.map(([value, label]) =>
        element(
          "button",
          { type: "button", value, onclick: () => set({ outcome: value }) },
          label,
          element("span", { className: "tally" }),
        ),
      ),
    );
    choices("which", WHICH.filter(([name, , test]) => name === "" || rows.some(test)));
    const hops = distinct(microscope.groups.map((group) => group.hops));
    choices("hops", [
      ["", "any hops"],
      ...hops.map((count) => [count, count === 0 ? "hops unknown" : `${count} hop${count === 1 ? "" : "s"}`]),
    ]);
    byId("hops").hidden = hops.length < 2;
    const phases = new Map(microscope.groups.map((group) => [group.step, group.phase]));
    choices("step", [
      ["", "all steps"],
      ...distinct([...phases.keys()]).map((step) => [step, `step ${step}, ${phases.get(step)}`]),
    ]);
    choices("sort", ORDERS);
    const set = (change) => {
      Object.assign(state, change);
      changed();
    };
    for (const id of ["which", "hops", "step", "sort"])
      byId(id).onchange = (event) => set({ [id]: event.target.value });
    let pause;
    byId("search").oninput = (event) => {
      clearTimeout(pause);
      pause = setTimeout(() => set({ search: event.target.value }), microscope.rows.length > 2000 ? 120 : 0);
    };
    byId("deep").onclick = async () => {
      await searchDeeply();
      changed();
    };
    byId("filters").onsubmit = (event) => event.preventDefault();
  };

  // Takes all filters back.
  microscope.clearFilters = () => {
    Object.keys(state).forEach((name) => (state[name] = ""));
    for (const id of ["search", "which", "hops", "step", "sort"]) byId(id).value = "";
  };
})();
