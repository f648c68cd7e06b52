// The graphs that are run: the same as Atelier's, with a webhook as the trigger that answers at the end.

const webhook = (path) => ({
  name: "Webhook",
  type: "n8n-nodes-base.webhook",
  typeVersion: 2,
  parameters: { httpMethod: "GET", path, responseMode: "lastNode", options: {} },
  webhookId: path,
});

/** A webhook that answers as soon as it has taken the call. */
const accepting = (path) => ({
  name: "Webhook",
  type: "n8n-nodes-base.webhook",
  typeVersion: 2,
  parameters: { httpMethod: "POST", path, responseMode: "onReceived", options: {} },
  webhookId: path,
});

const step = (name) => ({
  name,
  type: "n8n-nodes-base.set",
  typeVersion: 3.4,
  parameters: {
    assignments: { assignments: [{ id: name, name: "value", value: 1, type: "number" }] },
    options: {},
  },
});

const append = (name, inputs) => ({
  name,
  type: "n8n-nodes-base.merge",
  typeVersion: 3.1,
  parameters: { mode: "append", numberInputs: inputs },
});

/** A workflow with these nodes; a link is [from, to, input of to, output of from]. */
function workflow(id, nodes, links) {
  const connections = {};
  for (const [from, to, input = 0, output = 0] of links) {
    const outputs = ((connections[from] ??= { main: [] }).main);
    while (outputs.length <= output) outputs.push([]);
    outputs[output].push({ node: to, type: "main", index: input });
  }
  const placed = nodes.map((node, index) => ({ ...node, id: `${id}-${index}`, position: [200 * index, 0] }));
  return { name: id, nodes: placed, connections, settings: { executionOrder: "v1" }, active: false };
}

/** A webhook that answers before its only node has run. */
export function hook(id) {
  return workflow(id, [accepting(id), step("s1")], [["Webhook", "s1"]]);
}

/** `steps` nodes, one after the other. */
export function chain(id, steps) {
  const nodes = [webhook(id)];
  const links = [];
  for (let number = 1; number <= steps; number += 1) {
    nodes.push(step(`s${number}`));
    links.push([nodes.at(-2).name, nodes.at(-1).name]);
  }
  return workflow(id, nodes, links);
}

/** Inputs that one merge takes. */
const INPUTS = 10;

/** `branches` nodes side by side, and merges of ten of them. */
export function fanOut(id, branches) {
  const nodes = [webhook(id)];
  const links = [];
  let level = [];
  for (let number = 1; number <= branches; number += 1) {
    const branch = step(`b${number}`);
    nodes.push(branch);
    links.push(["Webhook", branch.name]);
    level.push(branch.name);
  }
  for (let depth = 1; level.length > 1; depth += 1) {
    const next = [];
    for (let first = 0; first < level.length; first += INPUTS) {
      const group = level.slice(first, first + INPUTS);
      if (group.length === 1) {
        next.push(group[0]);
        continue;
      }
      const merge = append(`m${depth}-${first}`, group.length);
      nodes.push(merge);
      group.forEach((name, input) => links.push([name, merge.name, input]));
      next.push(merge.name);
    }
    level = next;
  }
  return workflow(id, nodes, links);
}

/** One node for each item of a list of that length. */
export function eachItem(id, items) {
  const list = {
    name: "Items",
    type: "n8n-nodes-base.set",
    typeVersion: 3.4,
    parameters: {
      assignments: {
        assignments: [{ id: "items", name: "items", type: "array", value: `={{ [...Array(${items}).keys()] }}` }],
      },
      options: {},
    },
  };
  const split = {
    name: "Split",
    type: "n8n-nodes-base.splitOut",
    typeVersion: 1,
    parameters: { fieldToSplitOut: "items", options: {} },
  };
  const loop = {
    name: "Loop",
    type: "n8n-nodes-base.splitInBatches",
    typeVersion: 3,
    parameters: { batchSize: 1, options: {} },
  };
  const last = {
    name: "Last",
    type: "n8n-nodes-base.limit",
    typeVersion: 1,
    parameters: { maxItems: 1 },
  };
  const nodes = [webhook(id), list, split, loop, step("one"), last];
  const links = [
    ["Webhook", "Items"],
    ["Items", "Split"],
    ["Split", "Loop"],
    ["Loop", "one", 0, 1],
    ["one", "Loop"],
    ["Loop", "Last", 0, 0],
  ];
  return workflow(id, nodes, links);
}
