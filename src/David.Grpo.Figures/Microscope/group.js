"use strict";
// The group as a tree: a row a trajectory, a column a turn; what several have in common is one cell. A continuation leaves
// what it took over at its cut.

(() => {
  const { element, number, signed, marks } = microscope;

  const text = (part, words) => words.map((word) => part.words[word]).join("");
  const brief = (said) => said.replace(/<\/?[^<>]*>/g, " ").replace(/\s+/g, " ").trim();

  // The turns of a trajectory: what was written, and what came back.
  const turnsOf = (part, trajectory, row) => {
    const turns = [];
    let written = [];
    let ended = false;
    trajectory.segments.forEach((segment, i) => {
      written.push(segment);
      if (segment.author !== "observation" && i < trajectory.segments.length - 1) return;
      const said = text(part, written.flatMap((own) => own.words));
      const isLast = i === trajectory.segments.length - 1 && segment.author !== "observation";
      const first = written.find((own) => own.author !== "observation") ?? segment;
      turns.push({
        key: `${first.author}\n${said}`,
        author: first.author,
        query: segment.query,
        passages: segment.passages ?? [],
        isLast,
        text: isLast
          ? row.outcome === "unanswered"
            ? "no answer"
            : row.answer
          : (segment.query ?? brief(text(part, first.words))),
        outcome: row.outcome,
        // The prompt is the first segment, which a part keeps by itself.
        isKept: row.kept > 0 && i + 1 < row.kept,
        isCut: false,
      });
      written = [];
      ended = segment.author !== "observation";
    });
    if (!ended)
      // It ended behind an observation.
      turns.push({ key: "", author: "policy", passages: [], isLast: true, text: "no answer", outcome: row.outcome });
    if (row.kept > 0) {
      const cut = turns.find((turn) => !turn.isKept);
      if (cut) cut.isCut = true;
    }
    return turns;
  };

  // Leaves in the order of a walk through the tree of their turns.
  const ordered = (leaves, depth) => {
    if (leaves.length < 2) return leaves;
    const branches = new Map();
    for (const leaf of leaves) {
      const key = leaf.turns[depth]?.key ?? `\n${leaf.row.number}`;
      branches.set(key, [...(branches.get(key) ?? []), leaf]);
    }
    return [...branches.values()].flatMap((branch) => ordered(branch, depth + 1));
  };

  const same = (a, b, depth) => {
    for (let i = 0; i <= depth; i++) if (!a.turns[i] || a.turns[i].key !== b.turns[i]?.key) return false;
    return true;
  };

  const cell = (turn, depth, from, until, rows) => {
    const content = turn.isLast
      ? [element("span", { className: `mark ${turn.outcome}`, textContent: marks[turn.outcome] })]
      : [];
    const gold = turn.passages.filter(([, , isGold]) => isGold).length;
    const dots = turn.passages.map(([, , isGold]) => (isGold ? "★" : "·")).join("");
    const node = element(
      "div",
      {
        className: `cell ${turn.author}${turn.isLast ? " answer" : ""}${turn.isCut ? " cut" : ""}`,
        title:
          (turn.isLast ? "answer: " : turn.query ? "search: " : "wrote: ") +
          turn.text +
          (turn.passages.length > 0 ? ` (${gold} of ${turn.passages.length} passages gold)` : ""),
      },
      ...content,
      element("span", { className: "said", textContent: turn.text }),
      dots === "" ? null : element("span", { className: gold > 0 ? "found gold" : "found", textContent: dots }),
    );
    node.style.gridColumn = String(depth + 2);
    node.style.gridRow = `${from + 2} / ${until + 2}`;
    node.onclick = () => microscope.choose(rows[0]);
    return node;
  };

  // The tree of the group that a trajectory belongs to.
  microscope.groupTree = ({ part, group, row: chosen }) => {
    const leaves = ordered(
      chosen.group.rows.map((row) => ({ row, turns: turnsOf(part, group.trajectories[row.place], row) })),
      0,
    );
    microscope.siblings = leaves.map((leaf) => leaf.row);
    const columns = Math.max(1, ...leaves.map((leaf) => leaf.turns.length));
    const grid = element("div", { className: "tree" });
    grid.style.gridTemplateColumns = `max-content repeat(${columns}, minmax(7.5rem, 1fr)) max-content max-content`;
    const heading = (textContent, column) => {
      const node = element("span", { className: "heading", textContent });
      node.style.gridArea = `1 / ${column}`;
      return node;
    };
    grid.append(heading("reward", columns + 2), heading("advantage", columns + 3));

    leaves.forEach(({ row }, i) => {
      const head = element(
        "button",
        { type: "button", className: `leaf${row === chosen ? " chosen" : ""}`, onclick: () => microscope.choose(row) },
        `#${row.member + 1}`,
        ...microscope.badges(row),
      );
      head.setAttribute("aria-pressed", String(row === chosen));
      head.style.gridRow = String(i + 2);
      grid.append(head);
      [number(row.reward), row.advantage === null ? "" : signed(row.advantage)].forEach((textContent, j) => {
        const score = element("span", { className: `score${row === chosen ? " chosen" : ""}`, textContent });
        score.style.gridArea = `${i + 2} / ${columns + 2 + j}`;
        grid.append(score);
      });
    });
    for (let depth = 0; depth < columns; depth++) {
      for (let from = 0; from < leaves.length; ) {
        const turn = leaves[from].turns[depth];
        let until = from + 1;
        while (turn && until < leaves.length && same(leaves[from], leaves[until], depth)) until++;
        if (turn) {
          const members = leaves.slice(from, until).map((leaf) => leaf.row);
          const node = cell(turn, depth, from, until, members.includes(chosen) ? [chosen] : members);
          if (members.includes(chosen)) node.classList.add("chosen");
          if (members.every((row) => row.role !== "member")) node.classList.add("left");
          grid.append(node);
        }
        from = until;
      }
    }
    return element("div", { className: "scroll" }, grid);
  };
})();
