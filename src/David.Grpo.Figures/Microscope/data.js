"use strict";
// The run's data. A page from disk may not read files, so they come as scripts: data/index.js calls
// microscope.index(…) once, data/part-NNNN.js calls microscope.part(…) when it is asked for.

const microscope = { rows: [], groups: [], titles: [], ready: null, part: null, index: null };

(() => {
  const KEPT = 8; // parts held in memory
  const parts = new Map(); // number → promise of a part; the one used last stands last
  const waiting = new Map(); // number → what to call when it comes

  const records = (columns, lists) =>
    lists.map((list) => Object.fromEntries(columns.map((name, i) => [name, list[i]])));

  microscope.index = (data) => {
    microscope.titles = data.titles;
    microscope.groups = records(data.groupColumns, data.groups);
    microscope.rows = records(data.columns, data.rows);
    microscope.groups.forEach((group) => (group.rows = []));
    microscope.rows.forEach((row, number) => {
      row.number = number;
      row.group = microscope.groups[row.group];
      row.group.rows.push(row);
    });
    microscope.info = data;
    microscope.largest = { advantage: scale("largestAdvantage"), slope: scale("largestSlope") };
    microscope.ready();
  };

  // What full colour stands for: 98 % of the trajectories stay below it.
  const scale = (name) => {
    const values = microscope.rows.map((row) => row[name]).filter((value) => value > 0);
    values.sort((a, b) => a - b);
    return values.length === 0 ? 0 : values[Math.ceil(0.98 * values.length) - 1];
  };

  microscope.part = (part) => waiting.get(part.part)?.(part);

  // The part of a group, loaded if need be.
  microscope.load = (number) => {
    let part = parts.get(number);
    parts.delete(number);
    if (!part) {
      part = new Promise((resolve, reject) => {
        const name = `data/part-${String(number + 1).padStart(4, "0")}.js`;
        const script = document.createElement("script");
        waiting.set(number, resolve);
        script.onload = () => {
          waiting.delete(number);
          script.remove();
        };
        script.onerror = () => {
          parts.delete(number);
          script.onload();
          reject(new Error(`${name} is missing or damaged. Write the page again: david report RUN`));
        };
        script.src = name;
        document.head.append(script);
      });
    }
    parts.set(number, part);
    for (const old of parts.keys()) {
      if (parts.size <= KEPT) break;
      parts.delete(old);
    }
    return part;
  };

  // A trajectory with its tokens: { …, group, row }, words as strings.
  microscope.open = async (row) => {
    const part = await microscope.load(row.group.part);
    const group = part.groups[row.group.place];
    return { part, group, trajectory: group.trajectories[row.place], row };
  };

  // The same in the whole run, for links and for going back: step, group, member and role.
  microscope.name = (row) =>
    `${row.group.step}.${row.group.key}.${row.member}${row.role === "member" ? "" : "." + row.role}`;

  // An element; text is never read as markup.
  microscope.element = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };

  const format = (digits) => new Intl.NumberFormat("en", { maximumSignificantDigits: digits });
  const three = format(3);
  microscope.number = (value) =>
    value === null || value === undefined ? "–" : three.format(value).replace("-", "−");
  microscope.signed = (value) => (value > 0 ? "+" : "") + microscope.number(value);

  microscope.marks = { right: "✓", wrong: "✗", unanswered: "–" };
})();
