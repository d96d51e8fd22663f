// Renders /api/v1/openapi.json into api.html: groups, operations, parameters, schemas, a line for curl. Every text goes in
// as text, never as markup. What an operation or a schema holds is made when it is opened.
"use strict";

const methods = ["get", "post", "put", "patch", "delete"];
let api = {};

/** An element: make("p", {class: "x"}, "text", otherElement). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((each) => each !== undefined && each !== null));
  return element;
}

function lookUp(pointer) {
  const names = pointer.slice(2).split("/").map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce((value, name) => value?.[name], api);
}

function resolve(value) {
  let found = value;
  for (let i = 0; found?.$ref && i < 8; ++i) found = lookUp(found.$ref);
  return found ?? {};
}

const nameOf = (reference) => reference.slice(reference.lastIndexOf("/") + 1);

/** Words with `code` and **bold** in them, as elements; nothing else of Markdown is used in the file. */
function words(text) {
  const parts = String(text ?? "").split(/(`[^`]+`|\*\*[^*]+\*\*)/);
  return parts.map((each) => {
    if (each.startsWith("`") && each.length > 2) return make("code", {}, each.slice(1, -1));
    if (each.startsWith("**") && each.length > 4) return make("strong", {}, each.slice(2, -2));
    return each;
  });
}

function schemaLink(reference) {
  const name = nameOf(reference);
  return make("a", { href: `#schema-${name}`, click: () => openTarget(`schema-${name}`) }, name);
}

/** What a value may be, in a few words. */
function typeOf(schema) {
  if (schema === undefined || schema === true) return ["anything"];
  if (schema.$ref) return [schemaLink(schema.$ref)];
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.flatMap((each, i) => (i === 0 ? typeOf(each) : [" or ", ...typeOf(each)]));
  if (schema.enum) return [schema.enum.map((each) => JSON.stringify(each)).join(", ")];
  const type = [schema.type ?? "anything"].flat().join(" or ");
  if (schema.items) return ["list of ", ...typeOf(schema.items)];
  if (schema.additionalProperties) return ["object of ", ...typeOf(schema.additionalProperties)];
  return [type];
}

function boundsOf(schema) {
  const whole = { ...resolve(schema), ...schema };
  const said = [];
  if (whole.readOnly) said.push("told, not set");
  if (whole.writeOnly) said.push("set, not told");
  if (whole.minimum !== undefined) said.push(`at least ${whole.minimum}`);
  if (whole.maximum !== undefined) said.push(`at most ${whole.maximum}`);
  if (whole.maxLength !== undefined) said.push(`${whole.minLength ? `${whole.minLength} to ` : "up to "}${whole.maxLength} characters`);
  if (whole.maxItems !== undefined) said.push(`up to ${whole.maxItems} entries`);
  if (whole.pattern) said.push(`pattern ${whole.pattern}`);
  if (whole.default !== undefined) said.push(`default ${JSON.stringify(whole.default)}`);
  return said.join("; ");
}

function table(heads, rows) {
  const head = make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each)));
  return make("div", { class: "table" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function row(name, needed, schema, description) {
  const label = make("td", {}, make("code", {}, name));
  if (needed) label.append(make("span", { class: "needed" }, " needed"));
  const bounds = boundsOf(schema);
  return make("tr", {}, label, make("td", {}, ...typeOf(schema)),
    make("td", {}, ...words(description), bounds ? make("div", { class: "what" }, bounds) : null));
}

function propertiesOf(schema) {
  const whole = resolve(schema);
  const properties = Object.entries(whole.properties ?? {});
  if (properties.length === 0) return make("p", {}, ...typeOf(whole), ` ${boundsOf(whole)}`);
  return table(["Member", "Type", "What it is"], properties.map(([name, each]) =>
    row(name, whole.required?.includes(name), each, each.description ?? resolve(each).description)));
}

const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

/** A line that can be pasted into a shell of the array's own machine or, with another address and a token, anywhere. */
function curlOf(path, method, parameters, body) {
  let url = path;
  const query = [];
  for (const each of parameters) {
    const example = each.example ?? each.schema?.default ?? `<${each.name}>`;
    if (each.in === "path") url = url.replace(`{${each.name}}`, encodeURIComponent(example));
    if (each.in === "query" && each.required) query.push(`${each.name}=${encodeURIComponent(example)}`);
  }
  const parts = ["curl --fail-with-body"];
  if (method !== "get") parts.push(`-X ${method.toUpperCase()}`);
  parts.push('-H "Authorization: Bearer $ASHLAR_TOKEN"');
  if (parameters.some((each) => each.name === "If-Match")) parts.push("-H 'If-Match: *'");
  const [type, media] = Object.entries(body?.content ?? {})[0] ?? [];
  if (type) {
    parts.push(`-H ${quoted(`Content-Type: ${type}`)}`);
    const example = media.example;
    if (example === undefined) parts.push("--data-binary @FILE");
    else parts.push(`--data ${quoted(typeof example === "string" ? example : JSON.stringify(example))}`);
  }
  parts.push(quoted(location.origin + url + (query.length ? `?${query.join("&")}` : "")));
  return parts.join(" \\\n  ");
}

function copyButton(text) {
  const button = make("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Could not copy: select the text";
    }
  });
  return button;
}

function bodyOf(body) {
  const parts = [make("h3", {}, "Body", body.required ? make("span", { class: "needed" }, " needed") : null)];
  if (body["x-ashlar-partial"]) parts.push(make("p", {}, "A merge patch: only what changes; null takes a member away."));
  for (const [type, media] of Object.entries(body.content)) {
    parts.push(make("p", {}, make("code", {}, type), ": ", ...typeOf(media.schema)));
    if (media.example !== undefined) {
      const text = typeof media.example === "string" ? media.example : JSON.stringify(media.example, null, 2);
      parts.push(make("pre", { tabindex: "0", "aria-label": `Example of ${type}` }, text));
    }
  }
  return parts;
}

function answersOf(responses) {
  return table(["Status", "Body", "What it means"], Object.entries(responses).map(([status, each]) => {
    const response = resolve(each);
    const contents = Object.entries(response.content ?? {});
    const types = contents.flatMap(([type, media], i) => [i ? ", " : "", ...(type.endsWith("json") ? typeOf(media.schema) : [type])]);
    return make("tr", {}, make("td", {}, make("code", {}, status)), make("td", {}, ...types),
      make("td", {}, ...words(response.description)));
  }));
}

function roleOf(operation) {
  if (operation.security?.length === 0) return "open to everybody";
  const role = operation["x-ashlar-role"];
  const self = operation["x-ashlar-self"] ? ", or that user" : "";
  return (role === "none" ? "any user" : role) + self;
}

function fillOperation(place, { path, method, operation, item }) {
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
  const body = operation.requestBody ? resolve(operation.requestBody) : null;
  if (operation.description) place.append(make("p", {}, ...words(operation.description)));
  place.append(make("p", { class: "what" }, "Role: ", roleOf(operation), ". Id: ", make("code", {}, operation.operationId)));
  if (parameters.length) {
    place.append(make("h3", {}, "Parameters"), table(["Name", "Type", "What it is"], parameters.map((each) =>
      row(`${each.name} (${each.in})`, each.required, each.schema, each.description))));
  }
  if (body) place.append(...bodyOf(body));
  const line = curlOf(path, method, parameters, body);
  place.append(make("h3", {}, "Try it"), make("pre", { tabindex: "0", "aria-label": "A line for curl" }, line), copyButton(line),
    make("h3", {}, "Answers"), answersOf(operation.responses));
}

/** A line that opens; `fill` makes what is in it, the first time. */
function fold(id, summary, fill) {
  const inside = make("div");
  const details = make("details", { id }, make("summary", {}, ...summary), inside);
  details.addEventListener("toggle", () => {
    if (details.open && inside.childElementCount === 0) fill(inside);
  });
  return details;
}

function foldOperation(each) {
  const { path, method, operation } = each;
  const details = fold(operation.operationId, [
    make("span", { class: `method ${method}` }, method.toUpperCase()), make("span", { class: "path" }, path),
    make("span", { class: "what" }, operation.summary), make("span", { class: "role" }, roleOf(operation)),
  ], (inside) => fillOperation(inside, each));
  details.dataset.words = `${method} ${path} ${operation.summary} ${operation.operationId} ${operation.tags.join(" ")}`.toLowerCase();
  return details;
}

function operationsOf() {
  const base = api.servers[0].url.replace(/\/$/, "");
  const all = [];
  for (const [template, item] of Object.entries(api.paths)) {
    const path = (item.servers ? item.servers[0].url.replace(/\/$/, "") : base) + template;
    for (const method of methods) if (item[method]) all.push({ path, method, operation: item[method], item });
  }
  return all;
}

function section(id, title, description, children) {
  document.getElementById("groups").append(make("li", {}, make("a", { href: `#${id}` }, title)));
  return make("section", { id, "aria-label": title }, make("h2", {}, title), make("p", {}, ...words(description)), ...children);
}

function render() {
  document.title = `${api.info.title} API ${api.info.version}`;
  document.getElementById("title").textContent = document.title;
  document.getElementById("summary").textContent = api.info.summary;
  const main = document.getElementById("main");
  for (const each of api.info.description.trim().split(/\n\s*\n/)) main.append(make("p", {}, ...words(each)));
  const all = operationsOf();
  for (const tag of api.tags) {
    const own = all.filter((each) => each.operation.tags.includes(tag.name));
    main.append(section(`tag-${tag.name}`, tag.name, tag.description, own.map(foldOperation)));
  }
  const schemas = Object.entries(api.components.schemas).map(([name, schema]) => {
    const details = fold(`schema-${name}`, [make("span", { class: "path" }, name),
      make("span", { class: "what" }, ...words(schema.description))], (inside) => inside.append(propertiesOf(schema)));
    details.dataset.words = `${name} ${schema.description ?? ""}`.toLowerCase();
    return details;
  });
  main.append(section("schemas", "schemas", "What goes in and out.", schemas));
}

function search(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const details of document.querySelectorAll("details")) {
    details.hidden = !wanted.every((each) => details.dataset.words.includes(each));
    shown += details.hidden ? 0 : 1;
  }
  for (const each of document.querySelectorAll("section")) each.hidden = !each.querySelector("details:not([hidden])");
  document.getElementById("count").textContent = wanted.length ? `${shown} found` : "";
}

function openTarget(id) {
  const target = document.getElementById(id);
  if (!(target instanceof HTMLDetailsElement)) return;
  if (target.hidden) {
    document.getElementById("search").value = "";
    search("");
  }
  target.open = true;
  target.querySelector("summary").focus();
}

async function start() {
  try {
    const response = await fetch("/api/v1/openapi.json");
    if (!response.ok) throw new Error(`the array answered ${response.status}`);
    api = await response.json();
    render();
  } catch (error) {
    document.getElementById("summary").textContent = `The description could not be read: ${error.message}. Load the page again.`;
    return;
  }
  const input = document.getElementById("search");
  input.addEventListener("input", () => search(input.value));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
    if (event.key === "Escape" && document.activeElement === input) {
      input.value = "";
      search("");
    }
  });
  window.addEventListener("hashchange", () => openTarget(location.hash.slice(1)));
  if (location.hash) openTarget(location.hash.slice(1));
}

start();
