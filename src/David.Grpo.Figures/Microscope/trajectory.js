"use strict";
// One trajectory, token by token.

(() => {
  const { element, number, signed, marks } = microscope;
  const detail = document.getElementById("detail");

  // What colour can stand for: name, label, what it means.
  const COLOURS = [
    ["origin", "Origin", "who wrote a token"],
    ["probability", "Probability", "how likely the sampling policy held a token"],
    ["advantage", "Advantage", "how much better than its group a token's trajectory (or turn) was"],
    [
      "slope",
      "Slope",
      "the token's weight in the loss times its advantage: how hard the update pushed its log-probability, before ratios and clips move",
    ],
  ];
  microscope.colour = "origin";

  const probability = (hundredths) => Math.exp(-hundredths / 100);
  // Full colour at one in a hundred and rarer.
  const surprise = (hundredths) => Math.min(1, hundredths / 461);

  const narrow = matchMedia("(max-width: 52rem)"); // as in the style sheet
  const FOLD = 60; // a longer prompt is folded

  // Each token with all that is known of it, segment by segment; the prompt comes first.
  const tokensOf = ({ part, group, trajectory }) => {
    let trained = 0;
    const each = (values, i) => (values.length === 0 ? null : values.length === 1 ? values[0] : values[i]);
    return [{ author: "prompt", words: group.prompt }, ...trajectory.segments].map((segment) => ({
      ...segment,
      tokens: segment.words.map((word, i) => {
        const isTrained = segment.author === "policy" || segment.author === "expert";
        const at = isTrained ? trained++ : -1;
        return {
          word: part.words[word],
          author: segment.author,
          version: segment.version,
          surprise: segment.logProbs?.[i] ?? null,
          advantage: isTrained ? each(trajectory.advantages, at) : null,
          slope: isTrained ? each(trajectory.slopes, at) : null,
        };
      }),
    }));
  };

  // The background of a token, as a share of the colour that its class names: [class, 0 … 1].
  const tint = (token) => {
    const ratio = (value, most) => (most > 0 ? Math.min(1, Math.abs(value) / most) : 0);
    switch (microscope.colour) {
      case "origin":
        return ["by-" + token.author, 1];
      case "probability":
        return token.surprise === null ? ["", 0] : ["rare", surprise(token.surprise)];
      default: {
        const value = token[microscope.colour];
        return value === null ? ["", 0] : [value < 0 ? "down" : "up", ratio(value, microscope.largest[microscope.colour])];
      }
    }
  };

  const paint = () => {
    for (const node of detail.querySelectorAll(".t")) {
      const [name, share] = tint(node.token);
      node.className = `t ${node.own}${name === "" ? "" : " " + name}`;
      node.style.setProperty("--share", share.toFixed(3));
    }
    detail.querySelector(".legend").replaceChildren(...legend());
    detail.querySelectorAll(".colours button").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.value === microscope.colour)),
    );
  };

  const swatch = (name, share, label) => {
    const box = element("span", { className: `swatch ${name}` });
    box.style.setProperty("--share", String(share));
    return element("span", { className: "entry" }, box, label);
  };

  const legend = () => {
    const meaning = element("span", {
      className: "meaning",
      textContent: COLOURS.find(([name]) => name === microscope.colour)[2],
    });
    switch (microscope.colour) {
      case "origin":
        return [
          ...["prompt", "policy", "observation", "expert"].map((author) => swatch(`by-${author}`, 1, author)),
          swatch("goldmark", 1, "gold passage"),
          meaning,
        ];
      case "probability":
        return [...[1, 0.5, 0.1, 0.01].map((p) => swatch("rare", surprise(-100 * Math.log(p)), String(p))), meaning];
      default: {
        const most = microscope.largest[microscope.colour];
        if (most === 0) return [element("span", { textContent: "not known of this run" }), meaning];
        return [
          swatch("down", 1, number(-most)),
          swatch("down", 0.5, number(-most / 2)),
          swatch("up", 0, "0"),
          swatch("up", 0.5, signed(most / 2)),
          swatch("up", 1, signed(most)),
          meaning,
        ];
      }
    }
  };

  microscope.paintBy = (name) => {
    microscope.colour = name;
    if (detail.querySelector(".legend")) paint();
  };
  microscope.nextColour = () => {
    const names = COLOURS.map(([name]) => name);
    microscope.paintBy(names[(names.indexOf(microscope.colour) + 1) % names.length]);
  };
  microscope.colours = COLOURS;

  // What is known of a token, in words.
  const told = (token) => {
    const said = [JSON.stringify(token.word), token.author];
    if (token.surprise !== null)
      said.push(`probability ${number(probability(token.surprise))} (log ${number(-token.surprise / 100)})`);
    if (token.advantage !== null) said.push(`advantage ${signed(token.advantage)}`);
    if (token.slope !== null) said.push(`slope ${signed(token.slope)}`);
    if (token.version >= 0) said.push(`policy after ${token.version} updates`);
    return said.join(" · ");
  };

  let cursor = null;
  const point = (node, scroll) => {
    cursor?.classList.remove("cursor");
    cursor = node;
    if (!node) return;
    node.classList.add("cursor");
    document.getElementById("told").textContent = told(node.token);
    if (scroll) node.scrollIntoView({ block: "nearest" });
  };

  // Moves the cursor by so many tokens.
  microscope.moveToken = (distance) => {
    const nodes = [...detail.querySelectorAll(".t")].filter((node) => node.offsetParent !== null);
    if (nodes.length === 0) return;
    const at = nodes.indexOf(cursor);
    const first = Math.max(0, nodes.findIndex((node) => node.token.author !== "prompt"));
    point(nodes[at < 0 ? first : Math.max(0, Math.min(nodes.length - 1, at + distance))], true);
  };

  const tokenNode = (token, own) => {
    const node = document.createElement("span");
    // A line break is shown as one; a token that only begins a character has no text of its own.
    node.textContent = token.word === "" ? "▯" : token.word.replaceAll("\n", "↵\n");
    node.className = "t";
    node.token = token;
    node.own = own;
    return node;
  };

  const passages = (segment) =>
    element(
      "ol",
      { className: "passages" },
      ...segment.passages.map(([id, title, isGold]) =>
        element(
          "li",
          { className: isGold ? "gold" : "", title: `passage ${id}` },
          title,
          isGold ? element("span", { className: "star", textContent: " ★ gold" }) : null,
        ),
      ),
    );

  const block = (segment, label) => {
    const gold = new Set();
    for (const [from, until, passage] of segment.marks ?? [])
      if (segment.passages[passage][2]) for (let i = from; i < until; i++) gold.add(i);
    const tokens = element(
      "div",
      { className: "tokens" },
      ...segment.tokens.map((token, i) => tokenNode(token, gold.has(i) ? "goldmark" : "")),
    );
    const isLong = segment.author === "prompt" && segment.tokens.length > FOLD;
    return element(
      "div",
      { className: `segment ${segment.author}` },
      element("div", { className: "who", textContent: label }),
      element(
        "div",
        { className: "said" },
        isLong
          ? element(
              "details",
              {},
              element("summary", { textContent: `${segment.tokens.length} tokens` }),
              tokens,
            )
          : tokens,
        segment.passages?.length > 0
          ? passages(segment)
          : segment.query !== undefined && segment.author === "observation"
            ? element("p", { className: "nothing", textContent: "no passage came back" })
            : null,
      ),
    );
  };

  const reward = ({ trajectory, row }) => {
    const parts = trajectory.terms.map(([name, weight, value]) => ({ name, weight, value, part: weight * value }));
    const sum = parts.reduce((all, term) => all + term.part, 0);
    const isPlain = Math.abs(sum - row.reward) < 1e-3 * Math.max(1, Math.abs(row.reward));
    const line = (tag, ...texts) =>
      element("tr", {}, ...texts.map((textContent, i) => element(i === 0 ? "th" : tag, { textContent })));
    return element(
      "table",
      { className: "reward-terms" },
      element("thead", {}, line("th", "reward", "value", "× weight", "=")),
      element(
        "tbody",
        {},
        ...parts.map((term) =>
          line(
            "td",
            term.name.replaceAll("_", " "),
            number(term.value),
            term.weight === null ? "" : number(term.weight),
            term.weight === null ? "" : number(term.part),
          ),
        ),
      ),
      element("tfoot", {}, line("td", isPlain || parts.length === 0 ? "total" : "total, with gates", "", "", number(row.reward))),
    );
  };

  const facts = ({ group, trajectory, row }) => {
    const about = row.group;
    const goldFound = new Set(
      trajectory.segments.flatMap((segment) => segment.passages ?? []).filter(([, , isGold]) => isGold).map(([, title]) => title),
    ).size;
    const all = [
      ["gold answer", about.answers || "–"],
      ["answer", row.answer || (row.outcome === "unanswered" ? "none" : "–")],
      ["evidence", group.gold.length === 0 ? "–" : `${group.gold.join(", ")} (${goldFound} found)`],
      ["searches", about.hops > 0 ? `${row.queries.length} (needs ${about.hops})` : String(row.queries.length)],
      ["advantage", row.advantage === null ? "not learned from" : signed(row.advantage)],
    ];
    if (row.kept > 0) all.push(["taken over", `${row.kept} segments, the prompt counted`]);
    return element(
      "dl",
      {},
      ...all.flatMap(([name, textContent]) => [
        element("dt", { textContent: name }),
        element("dd", { textContent }),
      ]),
    );
  };

  // Shows a trajectory.
  microscope.show = (opened) => {
    const { row } = opened;
    const about = row.group;
    const segments = tokensOf(opened);
    let turn = 0;
    const label = (segment) => {
      if (segment.author !== "observation") return segment.author;
      return segment.query === undefined ? "observation" : `search ${++turn}`;
    };
    cursor = null;
    const tokens = element(
      "section",
      { className: "transcript" },
      ...segments.flatMap((segment, i) => [
        // Behind the prompt, the cut stands where the taken-over segments end.
        row.kept > 0 && i === row.kept
          ? element("div", { className: "cutline" }, element("span", { textContent: "✂ continued from here" }))
          : null,
        block(segment, label(segment)),
      ]).filter((node) => node !== null),
    );
    tokens.onmouseover = tokens.onclick = (event) => {
      if (event.target.token) point(event.target, false);
    };
    detail.replaceChildren(
      element("button", { type: "button", className: "close", textContent: "‹ List", onclick: () => microscope.close() }),
      element("p", { className: "crumbs" },
        `step ${about.step} · ${about.phase}${about.kind ? " · " + about.kind : ""}${about.dead ? " · dead group" : ""} · #${row.member + 1} `,
        ...microscope.badges(row)),
      element("h2", { textContent: about.question }),
      element("h3", { textContent: `The group: ${about.rows.length} trajectories` }),
      microscope.groupTree(opened),
      element(
        "h3",
        { className: row.outcome },
        `${marks[row.outcome]} #${row.member + 1}, ${row.outcome}`,
      ),
      element("div", { className: "facts" }, facts(opened), reward(opened)),
      element(
        "div",
        { className: "bar" },
        element(
          "div",
          { className: "colours", role: "group" },
          ...COLOURS.map(([value, textContent, title]) =>
            element("button", { type: "button", value, textContent, title, onclick: () => microscope.paintBy(value) }),
          ),
        ),
        element("div", { className: "legend" }),
      ),
      tokens,
      element("p", { id: "told", textContent: narrow.matches ? "" : "Point at a token to read it; , and . go from token to token." }),
    );
    paint();
  };
})();
